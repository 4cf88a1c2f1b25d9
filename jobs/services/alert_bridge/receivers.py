"""Receivers of alerts over HTTP: Alertmanager's API v2, and webhooks in Alertmanager's format."""

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

_TIMEOUT_SECONDS = 10.0
# HTTP statuses after which a retry may succeed, besides redirects and 5xx: time-outs and too many requests.
_RETRYABLE = (408, 425, 429)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the alert would get lost, and the token would be sent to another server."""

    def redirect_request(self, *arguments: object) -> None:
        """Return None, which makes a redirect an HTTPError."""
        return


_OPENER = urllib.request.build_opener(_NoRedirects)


class UnreachableError(Exception):
    """The receiver cannot accept the alert now; a retry may succeed."""


class RefusedError(Exception):
    """The receiver rejects this alert; a retry would fail too."""


class Receiver(NamedTuple):
    """A destination of alerts; `body` converts an alert to the JSON that the receiver expects."""

    url: str
    body: Callable[[Alert], Any]
    headers: Mapping[str, str]

    def deliver(self, alert: Alert) -> None:
        """Send one alert; raises `UnreachableError` or `RefusedError`."""
        headers = {"Content-Type": "application/json", **self.headers}
        try:
            data = msgspec.json.encode(self.body(alert))
        except Exception as error:  # this alert cannot be encoded, others can
            raise RefusedError(describe(error)) from None
        request = urllib.request.Request(self.url, data=data, headers=headers, method="POST")
        try:
            with _OPENER.open(request, timeout=_TIMEOUT_SECONDS):
                return
        except urllib.error.HTTPError as error:
            message = f"{error.code}: {_message_of(error)}"
            if error.code in _RETRYABLE or error.code >= 500 or 300 <= error.code < 400:
                raise UnreachableError(message) from None
            raise RefusedError(message) from None
        except (HTTPException, OSError, ValueError) as error:
            raise UnreachableError(str(getattr(error, "reason", error)) or type(error).__name__) from None


def _message_of(error: urllib.error.HTTPError) -> str:
    """Return the text of an error response, or the target of a redirect."""
    try:
        text = error.read(300).decode("utf-8", "replace").strip()
    except (HTTPException, OSError):
        text = ""
    target = error.headers.get("Location")
    return f"redirects to {target}; use that URL instead" if target else text


def alertmanager(url: str, headers: Mapping[str, str]) -> Receiver:
    """Return the receiver of an Alertmanager; `url` is that of its web page."""
    return Receiver(f"{_check_url(url).rstrip('/')}/api/v2/alerts", _for_alertmanager, headers)


def webhook(url: str, headers: Mapping[str, str]) -> Receiver:
    """Return a receiver of alerts in the format of Alertmanager's webhooks."""
    return Receiver(_check_url(url), _for_webhook, headers)


def parse_headers(texts: list[str]) -> dict[str, str]:
    """Parse `NAME: VALUE` lines; raises DeploymentError for an invalid one."""
    headers = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise DeploymentError(
                "a header must have the form NAME: VALUE, for example Authorization: Bearer TOKEN"
            )
        if not f"{name}{value}".isprintable() or not f"{name}{value}".isascii():
            raise DeploymentError(
                f"header {name.strip()!r} contains characters that HTTP does not allow; use printable ASCII"
            )
        headers[name.strip()] = value.strip()
    return headers


def _check_url(url: str) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or not url.isprintable() or not url.isascii() or " " in url:
        raise DeploymentError(f"{url!r} is not a valid http or https URL")
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
