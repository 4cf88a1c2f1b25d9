"""Who takes alerts over HTTP: Alertmanager's API v2, and webhooks that take what Alertmanager sends."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any, NamedTuple

import msgspec

from operators.alerts.alert import Alert
from operators.core.errors import DeploymentError, describe

_SECONDS = 10.0
# What a receiver may answer to when it is asked again: time-outs, too many requests, and its own failures.
_PASSING = (408, 425, 429)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: the alert would be lost on the way, and the token told to others."""

    def redirect_request(self, *given: object) -> None:
        """Return no other request: then the answer is an error."""
        return


_OPENER = urllib.request.build_opener(_NoRedirects)


class UnreachableError(Exception):
    """The receiver cannot take the alert now; later it may."""


class RefusedError(Exception):
    """The receiver does not take this alert, however often it is asked."""


class Receiver(NamedTuple):
    """Where alerts go; `body` makes of one what the receiver takes."""

    url: str
    body: Callable[[Alert], Any]
    headers: Mapping[str, str]

    def deliver(self, alert: Alert) -> None:
        """Hand over one alert; raises `UnreachableError` or `RefusedError`."""
        headers = {"Content-Type": "application/json", **self.headers}
        try:
            data = msgspec.json.encode(self.body(alert))
        except Exception as error:  # this alert cannot be written, the next one can
            raise RefusedError(describe(error)) from None
        request = urllib.request.Request(self.url, data=data, headers=headers, method="POST")
        try:
            with _OPENER.open(request, timeout=_SECONDS):
                return
        except urllib.error.HTTPError as error:
            said = f"{error.code}: {_said(error)}"
            if error.code in _PASSING or error.code >= 500 or 300 <= error.code < 400:
                raise UnreachableError(said) from None
            raise RefusedError(said) from None
        except (HTTPException, OSError, ValueError) as error:
            raise UnreachableError(str(getattr(error, "reason", error)) or type(error).__name__) from None


def _said(error: urllib.error.HTTPError) -> str:
    """Return what an answer says, of a redirection where to."""
    try:
        text = error.read(300).decode("utf-8", "replace").strip()
    except (HTTPException, OSError):
        text = ""
    where = error.headers.get("Location")
    return f"redirects to {where}, name that instead" if where else text


def alertmanager(url: str, headers: Mapping[str, str]) -> Receiver:
    """Return an Alertmanager, by the URL of its web page."""
    return Receiver(f"{_checked(url).rstrip('/')}/api/v2/alerts", _for_alertmanager, headers)


def webhook(url: str, headers: Mapping[str, str]) -> Receiver:
    """Return whatever takes Alertmanager's webhooks."""
    return Receiver(_checked(url), _for_webhook, headers)


def parse_headers(texts: list[str]) -> dict[str, str]:
    """Read `NAME: VALUE` lines."""
    headers = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise DeploymentError("a header is written NAME: VALUE, for example Authorization: Bearer TOKEN")
        if not f"{name}{value}".isprintable() or not f"{name}{value}".isascii():
            raise DeploymentError(f"header {name.strip()!r} holds characters that HTTP does not take")
        headers[name.strip()] = value.strip()
    return headers


def _checked(url: str) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or not url.isprintable() or not url.isascii() or " " in url:
        raise DeploymentError(f"{url!r} is no http or https URL")
    return url


def _for_alertmanager(alert: Alert) -> list[dict[str, Any]]:
    return [
        {
            "labels": alert.labels,
            "annotations": alert.annotations,
            "startsAt": alert.starts_at,
            "endsAt": alert.ends_at,
        }
    ]


def _for_webhook(alert: Alert) -> dict[str, Any]:
    return {
        "version": "4",
        "status": alert.status,
        "receiver": "weir",
        "groupKey": alert.fingerprint,
        "groupLabels": {"alertname": alert.labels["alertname"]},
        "commonLabels": alert.labels,
        "commonAnnotations": alert.annotations,
        "externalURL": "",
        "truncatedAlerts": 0,
        "alerts": [{**msgspec.to_builtins(alert), "generatorURL": ""}],
    }
