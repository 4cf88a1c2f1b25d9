from __future__ import annotations

from datetime import UTC, datetime

from jobs.kafka.firing_alerts import firing
from operators.alerts.alert import Alert, read_alert
from operators.alerts.finding import AlertKey, Finding
from operators.alerts.lifecycle import Lifecycle

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MS = int(NOW.timestamp() * 1000)


def alerts_of(pipeline: str, *moments: tuple[int, bool]) -> list[Alert]:
    life, active, alerts = Lifecycle({"pipeline": pipeline}, 300.0, ""), [], []
    for seconds, wrong in moments:
        found = {AlertKey("WeirErrors"): Finding("warning", {}) if wrong else None}
        active, sent = life.update_alerts(active, found, MS - 1000 * seconds)
        alerts += [one.alert for one in sent]
    return alerts


def test_what_fires_is_the_latest_of_each_that_is_not_over() -> None:
    alerts = [
        *alerts_of("over", (60, True), (30, False)),
        *alerts_of("again", (60, True), (30, False), (20, True)),
        *alerts_of("silent", (901, True)),
        *alerts_of("since", (899, True)),
    ]
    assert [one.labels["pipeline"] for one in firing(alerts, NOW)] == ["again", "since"]


def test_an_alert_is_read_back_as_it_was_written() -> None:
    (alert,) = alerts_of("p", (1, True))
    assert read_alert(alert.encode()) == alert
