from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.alerts.alert import fingerprint, read_alert
from operators.alerts.finding import UNKNOWN, AlertKey, Finding
from operators.alerts.lifecycle import Active, Lifecycle, decode_active, encode_active
from operators.kafka.topics import Topics

LIFE = Lifecycle({"job": "weir.default", "pipeline": "p"}, 300.0, "https://wiki/x")
ERRORS, DRIFT = AlertKey("WeirErrors"), AlertKey("WeirDrift", "drift")
BAD, WORSE = Finding("warning", {"summary": "bad"}), Finding("critical", {"summary": "worse"})


def test_an_alert_fires_once_is_sent_again_and_resolves_once_with_one_fingerprint() -> None:
    active, sent = LIFE.update_alerts([], {DRIFT: BAD}, 1_000)
    (fired,) = [one.alert for one in sent]
    assert (fired.status, fired.starts_at) == ("firing", "1970-01-01T00:00:01.000Z")
    assert fired.ends_at == "1970-01-01T00:15:01.000Z", "three intervals"
    assert fired.labels == {
        "alertname": "WeirDrift",
        "job": "weir.default",
        "pipeline": "p",
        "step": "drift",
        "severity": "warning",
    }
    assert fired.annotations == {"summary": "bad", "runbook_url": "https://wiki/x#weirdrift"}

    active, sent = LIFE.update_alerts(active, {DRIFT: BAD}, 60_000)
    assert sent == [], "nothing changed"
    assert LIFE.resend_due(active, 300_999) == (active, [])
    active, (again,) = LIFE.resend_due(active, 301_000)
    assert again.alert.starts_at == fired.starts_at
    assert again.alert.ends_at == "1970-01-01T00:20:01.000Z"
    assert LIFE.resend_due(active, 301_001) == (active, [])

    active, (resolved,) = LIFE.update_alerts(active, {DRIFT: None}, 400_000)
    assert active == []
    assert (resolved.alert.status, resolved.alert.ends_at) == ("resolved", "1970-01-01T00:06:40.000Z")
    assert {one.fingerprint for one in (fired, again.alert, resolved.alert)} == {fired.fingerprint}
    assert LIFE.update_alerts(active, {DRIFT: None}, 500_000) == ([], [])


def test_an_unknown_finding_changes_nothing() -> None:
    assert LIFE.update_alerts([], {ERRORS: UNKNOWN}, 0) == ([], [])
    active, _ = LIFE.update_alerts([], {ERRORS: BAD}, 0)
    assert LIFE.update_alerts(active, {ERRORS: UNKNOWN}, 9_000) == (active, [])


def test_a_severity_that_changes_resolves_one_alert_and_fires_another() -> None:
    active, _ = LIFE.update_alerts([], {ERRORS: BAD}, 0)
    active, sent = LIFE.update_alerts(active, {ERRORS: WORSE}, 10_000)
    assert [(one.alert.status, one.alert.labels["severity"]) for one in sent] == [
        ("resolved", "warning"),
        ("firing", "critical"),
    ]
    assert sent[0].alert.fingerprint != sent[1].alert.fingerprint
    assert [(one.severity, one.starts_at) for one in active] == [("critical", 10_000)]


def test_what_is_found_later_is_sent_with_the_next_resend() -> None:
    active, _ = LIFE.update_alerts([], {ERRORS: BAD}, 0)
    active, sent = LIFE.update_alerts(active, {ERRORS: Finding("warning", {"summary": "still bad"})}, 10_000)
    assert sent == []
    _, (again,) = LIFE.resend_due(active, 300_000)
    assert again.alert.annotations["summary"] == "still bad"


def test_a_rule_that_is_no_more_resolves_its_alert() -> None:
    active, _ = LIFE.update_alerts([], {ERRORS: BAD, DRIFT: BAD}, 0)
    active, (resolved,) = LIFE.update_alerts(active, {ERRORS: UNKNOWN}, 1)
    assert resolved.alert.labels["alertname"] == "WeirDrift"
    assert [one.about for one in active] == [ERRORS]


@given(st.lists(st.sampled_from([None, UNKNOWN, BAD, WORSE]), max_size=40))
def test_firing_and_resolved_alternate_for_every_fingerprint(findings: list[Finding | None]) -> None:
    active: list[Active] = []
    by_fingerprint: dict[str, list[str]] = {}
    for now, finding in enumerate(findings):
        active, sent = LIFE.update_alerts(
            decode_active(encode_active(active)), {ERRORS: finding}, now * 10_000
        )
        for one in sent:
            by_fingerprint.setdefault(one.alert.fingerprint, []).append(one.alert.status)
    for statuses in by_fingerprint.values():
        assert statuses == (["firing", "resolved"] * len(statuses))[: len(statuses)]
    assert len(active) <= 1


def test_the_record_has_the_headers_of_cloud_events() -> None:
    _, (sent,) = LIFE.update_alerts([], {DRIFT: BAD}, 1_000)
    record = sent.record(Topics("weir", "default"))
    assert (record.topic, record.key) == ("weir.default.alerts", sent.alert.fingerprint)
    assert read_alert(record.value) == sent.alert
    assert record.headers == {
        "pipeline": "p",
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_type": "weir.alert.firing",
        "ce_source": "/weir/default",
        "ce_id": f"{sent.alert.fingerprint}-firing-1000",
        "ce_time": "1970-01-01T00:00:01.000Z",
        "ce_subject": "p/drift",
    }


def test_labels_in_another_order_are_the_same_alert() -> None:
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})
    assert fingerprint({"a": "12"}) != fingerprint({"a1": "2"})


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 9"):
        decode_active(b"\x09")
