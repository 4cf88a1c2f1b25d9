"""Who takes alerts over HTTP: Alertmanager's API v2, and webhooks that take what Alertmanager sends."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from operators.alerting.alerts import Alert
from operators.errors import DeploymentError

_SECONDS = 10.0
# What a receiver may answer to when it is asked again: time-outs, too many requests, and its own failures.
_PASSING = (408, 425, 429)


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
        data = msgspec.json.encode(self.body(alert))
        request = urllib.request.Request(self.url, data=data, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS):
                return
        except urllib.error.HTTPError as error:
            said = f"{error.code}: {error.read(300).decode('utf-8', 'replace').strip()}"
            if error.code in _PASSING or error.code >= 500:
                raise UnreachableError(said) from None
            raise RefusedError(said) from None
        except (urllib.error.URLError, OSError) as error:
            raise UnreachableError(str(getattr(error, "reason", error))) from None


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
        headers[name.strip()] = value.strip()
    return headers


def _checked(url: str) -> str:
    if not url.startswith(("http://", "https://")):
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
