"""Tokens that clients of a server must send; compared in constant time, never an option's value."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from pathlib import Path

from operators.core.errors import DeploymentError

# What an Authorization header can carry: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# A shorter token can be guessed, because nothing limits the attempts.
_SHORTEST = 16


class Tokens:
    """The accepted tokens; there are several while an old one is replaced. Falsy if there are none."""

    def __init__(self, tokens: Sequence[str] = ()) -> None:
        self._tokens = [token.encode() for token in tokens]

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def accept(self, candidate: str) -> bool:
        """Return whether `candidate` is one of the tokens.

        >>> tokens = Tokens(["old", "new"])
        >>> tokens.accept("new"), tokens.accept("newer"), Tokens().accept("")
        (True, False, False)
        """
        sent = candidate.encode("utf-8", "replace")
        # All are compared, so that the time does not depend on which one is equal.
        return sum(hmac.compare_digest(sent, token) for token in self._tokens) > 0

    def accept_bearer(self, authorization: str) -> bool:
        """Return whether an `Authorization: Bearer …` header has one of the tokens."""
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and self.accept(token.strip())


def read_tokens(file: Path | None, text: str, variable: str) -> Tokens:
    """Return the tokens of a file, one a line, or of `text`, the value of an environment variable.

    DeploymentError if both are given, or if they hold no token, an invalid or a short one.
    """
    if file is None and not text:
        return Tokens()
    if file is not None and text:
        raise DeploymentError(f"both --token-file and {variable} are set; set one of them")
    source = variable if file is None else str(file)
    if file is not None:
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            raise DeploymentError(f"{file}: cannot read the tokens: {reason}") from None
    tokens = [line.strip() for line in text.splitlines() if line.strip()]
    if not tokens:
        raise DeploymentError(f"{source} holds no token; write one token a line")
    for number, token in enumerate(tokens, 1):
        if not _TOKEN.fullmatch(token):
            raise DeploymentError(
                f"{source}: token {number} has characters that HTTP does not allow; "
                "use letters, digits and -._~+/, for example of: openssl rand -hex 32"
            )
        if len(token) < _SHORTEST:
            raise DeploymentError(
                f"{source}: token {number} has {len(token)} characters; use at least {_SHORTEST}, "
                "for example of: openssl rand -hex 32"
            )
    return Tokens(tokens)
