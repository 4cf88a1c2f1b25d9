"""Receivers of alerts over HTTP: Alertmanager's API v2, and webhooks in Alertmanager's format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import msgspec

from jobs.services.alert_bridge.http_post import Reply, post
from jobs.services.alert_bridge.receiver_urls import ReceiverUrl, parse_url
from operators.alerts.alert import Alert
from operators.core.errors import describe

# Seconds for one delivery, whatever the receiver does.
_DEADLINE = 10.0
# HTTP statuses after which a retry may succeed, besides redirects and 5xx: time-outs and too many requests.
_RETRYABLE = (408, 425, 429)


class UnreachableError(Exception):
    """The receiver cannot accept the alert now; a retry may succeed."""


class RefusedError(Exception):
    """The receiver rejects this alert; a retry would fail too."""


class Receiver(NamedTuple):
    """A destination of alerts; `body` converts an alert to the JSON that the receiver expects."""

    to: ReceiverUrl
    body: Callable[[Alert], Any]
    seconds: float = _DEADLINE

    def deliver(self, alert: Alert) -> None:
        """Send one alert; raises `UnreachableError` or `RefusedError`, within `seconds`."""
        try:
            data = msgspec.json.encode(self.body(alert))
        except Exception as error:  # this alert cannot be encoded, others can
            raise RefusedError(describe(error)) from None
        headers = {"Content-Type": "application/json", **self.to.headers}
        try:
            reply = post(self.to.url, data, headers, self.seconds)
        except (HTTPException, OSError, ValueError) as error:
            text = str(getattr(error, "reason", error)) or type(error).__name__
            raise UnreachableError(self.to.hide(text)) from None
        if 200 <= reply.status < 300:
            return
        message = f"{reply.status}: {self._message_of(reply)}"
        if reply.status in _RETRYABLE or reply.status >= 500 or 300 <= reply.status < 400:
            raise UnreachableError(message)
        raise RefusedError(message)

    def _message_of(self, reply: Reply) -> str:
        """Return the text of an error response, or the server of a redirect's target."""
        if not reply.location:
            return self.to.hide(reply.text)
        try:
            target = urlsplit(urljoin(self.to.url, reply.location))
            server = f"{target.scheme}://{target.hostname}:{target.port or target.scheme}"
        except ValueError:
            server = "an invalid URL"
        return self.to.hide(f"redirects to another URL on {server}; use the final URL instead")


def alertmanager(url: str, headers: Mapping[str, str]) -> Receiver:
    """Return the receiver of an Alertmanager; `url` is that of its web page."""
    return Receiver(parse_url("--alertmanager", url, headers, "/api/v2/alerts"), _for_alertmanager)


def webhook(url: str, headers: Mapping[str, str]) -> Receiver:
    """Return a receiver of alerts in the format of Alertmanager's webhooks."""
    return Receiver(parse_url("--webhook", url, headers), _for_webhook)


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
