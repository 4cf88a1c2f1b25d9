"""The form in which readers enter their token."""

from __future__ import annotations

from html import escape

from flask import Response

# Where the form is sent to.
LOGIN = "/login"
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Weir</title>
<style>
:root {{ color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.45; }}
body {{ max-width: 30rem; margin: 4rem auto; padding: 0 1rem; }}
input, button {{ font: inherit; padding: .4rem .6rem; }} input {{ width: 100%; box-sizing: border-box; }}
</style>
<body><h1>Weir</h1>
<form method="post" action="{action}">
<p><label>Token of the dashboard
<input type="password" name="token" autocomplete="current-password" required autofocus></label></p>
<p role="alert">{problem}</p>
<p><button>Log in</button></p>
</form></body></html>
"""


def form(problem: str) -> Response:
    """Return the page with the form and a message; its status is 401."""
    response = Response(_PAGE.format(action=LOGIN, problem=escape(problem)), 401, mimetype="text/html")
    response.headers["Cache-Control"] = "no-store"
    return response
