"""Headers that tie a page to its own server: no foreign scripts, frames, forms and referrers."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Flask, Response


def add_security_headers(server: Flask, script_hashes: Iterable[str]) -> None:
    """Add the headers to each response; `script_hashes` are those of the page's inline scripts.

    Plotly and the fields of Dash write styles into the page, so inline styles are allowed. `data:` and
    `blob:` images are pictures that plotly draws itself.
    """
    policy = {
        "default-src": "'none'",
        "script-src": " ".join(["'self'", *script_hashes]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        # With "no-referrer", browsers send the origin "null" with the form of the token.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }

    def add(response: Response) -> Response:
        response.headers.update(headers)
        return response

    server.after_request(add)
