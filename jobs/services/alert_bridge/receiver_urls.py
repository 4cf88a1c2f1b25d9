"""URLs and headers of receivers: checked, and printed without their secrets."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from operators.core.errors import DeploymentError, one_line
from operators.core.redaction import HIDDEN

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# Headers that the HTTP client sets itself: another value breaks the request.
_OWN = ("connection", "content-length", "content-type", "host", "transfer-encoding")
# Shorter words of a URL ("services") or of a header ("Bearer") are no secrets.
_SHORTEST_PART, _SHORTEST_VALUE = 9, 7


class ReceiverUrl(NamedTuple):
    """Where to send alerts: the URL without its user, the headers, and the name to print.

    `place` has scheme, host and port, and the beginning of the URL's hash, as in the consumer group. Path and
    query are left out, because the receivers of many products have a token there.
    """

    url: str
    headers: Mapping[str, str]
    place: str
    digest: str

    def hide(self, text: str) -> str:
        """Return one line of a receiver's text without the secrets of the URL and the headers."""
        parts = urlsplit(self.url)
        words = re.split("[/&=]", f"{parts.path}/{parts.query}")
        secrets = [word for word in words if len(word) >= _SHORTEST_PART]
        for value in self.headers.values():
            secrets += [word for word in (value, *value.split()) if len(word) >= _SHORTEST_VALUE]
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return one_line(text)


def parse_url(option: str, url: str, headers: Mapping[str, str], path: str = "") -> ReceiverUrl:
    """Return the URL of an option, with `path` appended.

    A user and a password become the header `Authorization`. The message of a DeploymentError has no secret.
    """
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or not url.isprintable() or not url.isascii() or " " in url:
        raise DeploymentError(
            f"{option} {_start(url)!r} is not a valid http or https URL; write it in ASCII, "
            "with %XX for other characters and xn-- for names, for example https://host:9093/path"
        )
    if parts.username is not None:
        if any(name.lower() == "authorization" for name in headers):
            raise DeploymentError(
                f"{option} {_start(url)!r} has a user, and there is a header Authorization; use one of them"
            )
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = {**headers, "Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
    host = parts.netloc.rpartition("@")[2]
    full = urlunsplit((parts.scheme, host, parts.path.rstrip("/") + path, parts.query, "")) if path else ""
    full = full or urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
    digest = sha256(full.encode()).hexdigest()[:12]
    return ReceiverUrl(full, headers, _place(urlsplit(full), digest, path), digest)


def parse_headers(texts: Sequence[str]) -> dict[str, str]:
    """Parse `NAME: VALUE` lines; raises DeploymentError for an invalid one, without its value."""
    headers = {}
    for number, text in enumerate(texts, 1):
        name, colon, value = (part.strip() for part in text.partition(":"))
        where = f"header {number} ({name})" if colon and _NAME.fullmatch(name) else f"header {number}"
        if not colon or not name:
            raise DeploymentError(
                f"{where} must have the form NAME: VALUE, for example Authorization: Bearer TOKEN"
            )
        if not text.isprintable() or not text.isascii() or not _NAME.fullmatch(name):
            raise DeploymentError(
                f"{where} contains characters that HTTP does not allow; use printable ASCII, "
                "and in the name only letters, digits and -_.!#$%&'*+^`|~"
            )
        if name.lower() in _OWN:
            raise DeploymentError(f"{where} is set by the bridge itself; remove it")
        headers[name] = value
    return headers


def _place(parts: SplitResult, digest: str, shown_path: str) -> str:
    if parts.path == shown_path and not parts.query:
        return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    return f"{parts.scheme}://{parts.netloc}/{HIDDEN} [{digest}]"


def _start(url: str) -> str:
    """Return a URL without what may be secret in it, also of an invalid one."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url if re.fullmatch(r"[\w.-]*(:\d*)?", url) else HIDDEN
    host, slash, path = rest.rpartition("@")[2].partition("/")
    return f"{scheme}://{host.partition('?')[0]}{slash}{HIDDEN if path else ''}"
