"""Headers that pass from a request to its record, and from a response's record to the response."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from operators.kafka.headers import VERSION

_TRACING = ("traceparent", "tracestate", "baggage")
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,100}")
# Headers `x-…` that change what a browser or a proxy does with a response. A client that sends them has no
# use for them in its response; whoever writes to the topic could hide or redirect it.
_FOREIGN = re.compile(
    r"x-(accel|sendfile|send-file|lighttpd|litespeed|reproxy|content|frame|xss|forwarded|download|permitted"
    r"|dns|ua|robots|webkit|original|rewrite|http-method|real-ip|envoy)(-|$)"
)
_MOST_HEADERS, _MOST_VALUE, _MOST_BYTES = 32, 4_096, 16_384


def to_record(headers: Iterable[tuple[str, str]]) -> list[tuple[str, bytes]]:
    """Return the request headers to forward: the client's own (`x-…`) and those of distributed tracing."""
    return [
        (name, value.encode("latin-1"))
        for name, value in headers
        if name.startswith("x-") or name in _TRACING
    ]


def to_response(record: Mapping[str, bytes | None]) -> dict[str, str]:
    r"""Return the headers of a response's record that may become headers of the response.

    These are `x-…` and tracing headers, with printable values, at most 32 and 16 KiB together. All other
    programs that write to the topic could otherwise change the response's type, length or cookies.

    >>> to_response({"x-who": b"me", "content-type": b"text/html", "X-Accel-Redirect": b"/", "x-a": b"1\r\n"})
    {'x-who': 'me'}
    """
    allowed: dict[str, str] = {}
    size = 0
    # The generation comes first: it must not be left out because there are too many others.
    for name, raw in sorted(record.items(), key=lambda one: one[0] != VERSION):
        name, value = name.lower(), (raw or b"").decode("latin-1").strip(" ")
        is_valid = _passes(name) and len(value) <= _MOST_VALUE and value.isprintable()
        if is_valid and len(allowed) < _MOST_HEADERS and size + len(name) + len(value) <= _MOST_BYTES:
            size += len(name) + len(value)
            allowed[name] = value
    return allowed


def _passes(name: str) -> bool:
    is_own = name.startswith("x-") and not _FOREIGN.match(name)
    return bool(_NAME.fullmatch(name)) and (is_own or name in _TRACING)
