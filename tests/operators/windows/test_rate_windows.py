"""A pipeline's rates and their alerts, second by second, as heartbeats and tallies bring the time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import msgspec
import pytest

from jobs.traffic.local.flink_in_memory import MemoryValue
from operators.alerts.active_alerts import ActiveAlerts
from operators.alerts.alert import AlertRecord
from operators.alerts.rules import PipelineRules, alert_rules
from operators.kafka.topics import Topics
from operators.metrics.pipeline_tally import PipelineTally, decode_tally
from operators.metrics.tally import StepTally, Tally
from operators.windows.rate_windows import PipelineRates, Rates
from tests.operators.alerts.test_rules import monitor

START = 1_700_000_000_000


class Clocked:
    """Rates whose state survives the object, as after a restart."""

    def __init__(self, rules: PipelineRules | None = None) -> None:
        self.rules = rules or alert_rules("p", None, Topics())
        self.state = [MemoryValue() for _ in range(3)]
        self.now = START
        self.rates = self._open()

    def restart(self) -> None:
        self.rates = self._open()

    def _open(self) -> PipelineRates:
        current, closed, alerts = self.state
        return PipelineRates(current, closed, ActiveAlerts(alerts), lambda pipeline, generation: self.rules)

    def take(
        self, tally: Tally | None = None, generation: int = 1, *, ended: bool = False
    ) -> list[Rates | AlertRecord]:
        message = PipelineTally("p", generation, tally or Tally(), ended)
        return list(self.rates.take(decode_tally(message.encode()), self.now))

    def run(self, seconds: int, requests: int = 10, failed: int = 0) -> Iterator[Rates | AlertRecord]:
        for _ in range(seconds):
            self.now += 1_000
            errors = {"": {"UNREADABLE": failed}} if failed else {}
            yield from self.take(Tally(requests=requests, failed=failed, errors=errors))


def alerts(emitted: list[Rates | AlertRecord]) -> list[tuple[str, str, str]]:
    sent = [one.alert for one in emitted if isinstance(one, AlertRecord)]
    return [(one.labels["alertname"], one.labels["severity"], one.status) for one in sent]


def test_rates_are_published_every_ten_seconds_and_hold_every_request() -> None:
    clock = Clocked()
    emitted = list(clock.run(35))
    rates = [one for one in emitted if isinstance(one, Rates)]
    assert [one.since for one in rates] == [f"2023-11-14T22:13:{second}.000Z" for second in (20, 30, 40)]
    assert [one.tally.requests for one in rates] == [90, 100, 100]
    assert [one.until for one in rates[:-1]] == [one.since for one in rates[1:]]
    record = rates[0].record(Topics())
    assert (record.topic, record.key) == ("weir.default.rates", "p")
    assert record.headers == {"pipeline": "p", "x-pipeline-version": "1"}
    body = msgspec.json.decode(record.value)
    assert (body["pipeline"], body["generation"], body["tally"]["requests"]) == ("p", 1, 90)
    assert len(body["tally"]["buckets"]) == len(body["le"]) + 1


def test_errors_fire_within_ten_seconds_and_resolve_a_minute_after_the_last() -> None:
    clock = Clocked()
    list(clock.run(20))
    began = clock.now
    fired: list[tuple[int, tuple[str, str, str]]] = []
    for seconds, failed in ((30, 3), (90, 0)):
        for _ in range(seconds):
            emitted = list(clock.run(1, failed=failed))
            fired += [((clock.now - began) // 1_000, one) for one in alerts(emitted)]
    (first, one), (last, other) = fired[:1][0], fired[-1]
    assert one[0] == other[0] == "WeirErrors"
    assert (one[2], other[2]) == ("firing", "resolved")
    assert first <= 11
    assert 80 <= last <= 101
    statuses = [status for _, (_, _, status) in fired]
    assert statuses.count("firing") == statuses.count("resolved")


def test_a_restart_neither_repeats_nor_forgets() -> None:
    clock = Clocked()
    assert alerts(list(clock.run(15, failed=10))) == [("WeirErrors", "critical", "firing")]
    clock.restart()
    assert alerts(list(clock.run(30, failed=10))) == []
    clock.restart()
    sent = alerts(list(clock.run(100)))
    assert sent == [
        ("WeirErrors", "critical", "resolved"),
        ("WeirErrors", "warning", "firing"),
        ("WeirErrors", "warning", "resolved"),
    ]
    assert clock.state[2].value() is None


def test_a_firing_alert_is_sent_again_at_its_interval_without_traffic_too() -> None:
    clock = Clocked(alert_rules("p", monitor(no_data={"after": "30s"}, resend="20s"), Topics()))
    list(clock.run(5))
    sent = []
    for _ in range(100):
        clock.now += 1_000
        sent += [(clock.now, one) for one in alerts(clock.take())]
    moments = [(at - START) // 1_000 for at, _ in sent]
    assert {one for _, one in sent} == {("WeirNoData", "critical", "firing")}
    assert 30 <= moments[0] <= 46
    assert [b - a for a, b in pairwise(moments)] == [20] * (len(moments) - 1)
    assert ("WeirNoData", "critical", "resolved") in alerts(list(clock.run(12)))


def test_a_pipeline_that_ends_resolves_its_alerts_once_and_begins_anew() -> None:
    clock = Clocked()
    list(clock.run(15, failed=10))
    emitted = clock.take(generation=2, ended=True)
    assert alerts(emitted) == [("WeirErrors", "critical", "resolved")]
    assert [one.tally.requests for one in emitted if isinstance(one, Rates)] == [60], (
        "what was not published yet"
    )
    assert clock.take(generation=2, ended=True) == []
    assert clock.take(Tally(requests=5, failed=5)) == [], "a worker that was slow"
    clock.now += 20_000
    assert clock.take() == []
    clock.take(Tally(requests=5), generation=2)
    clock.now += 20_000
    (rates,) = clock.take(generation=2)
    assert isinstance(rates, Rates)
    assert (rates.generation, rates.tally.requests) == (2, 5)


def test_a_job_that_was_down_publishes_the_slice_it_left_open_and_goes_on_now() -> None:
    clock = Clocked()
    list(clock.run(3))
    clock.now += 3_600_000
    (left,) = clock.take(Tally(requests=7))
    assert isinstance(left, Rates)
    assert left.tally.requests == 30
    clock.now += 10_000
    (fresh,) = clock.take()
    assert isinstance(fresh, Rates)
    assert fresh.tally.requests == 7


def test_a_job_that_was_down_neither_resolves_nor_invents_alerts() -> None:
    clock = Clocked(alert_rules("p", monitor(no_data={"after": "10m"}, resend="2h"), Topics()))
    assert alerts(list(clock.run(15, failed=10))) == [("WeirErrors", "critical", "firing")]
    clock.now += 900_000
    clock.restart()
    assert alerts(clock.take()) == []
    assert ("WeirNoData", "critical", "firing") not in alerts(list(clock.run(30, failed=10)))


def test_a_pipeline_that_begins_again_publishes_nothing_for_the_time_between() -> None:
    clock = Clocked(alert_rules("p", monitor(no_data={"after": "1m"}), Topics()))
    list(clock.run(15))
    clock.take(generation=2, ended=True)
    clock.now += 3_600_000
    assert clock.take(generation=2) == []
    clock.now += 10_000
    (rates,) = clock.take(generation=2)
    assert isinstance(rates, Rates)


def test_tallies_add_up() -> None:
    one = Tally(
        3, 1, 40, [1] * 13, {"a": {"X": 1}}, {"a": StepTally(3, 1, 9, [1] * 13, 2, {"f": {"missing": 1}})}
    )
    whole = Tally()
    whole.add(one)
    whole.add(one)
    assert msgspec.json.encode(whole) == msgspec.json.encode(
        Tally(
            6,
            2,
            80,
            [2] * 13,
            {"a": {"X": 2}},
            {"a": StepTally(6, 2, 18, [2] * 13, 4, {"f": {"missing": 2}})},
        )
    )


def test_a_state_or_a_tally_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 9"):
        decode_tally(b"T\x09")
    clock = Clocked()
    clock.state[0].update(b"\x09")
    with pytest.raises(ValueError, match="version 9"):
        clock.take()


@pytest.mark.parametrize("back", [15_000, 3_600_000])
def test_rates_and_alerts_go_on_when_the_clock_is_set_back(back: int) -> None:
    clock = Clocked()
    before = list(clock.run(400, failed=5))
    assert ("WeirErrors", "critical", "firing") in alerts(before)
    clock.now -= back
    after = list(clock.run(400, failed=0))
    rates = [one for one in after if isinstance(one, Rates)]
    assert len(rates) >= 38
    in_open_slice = 10 * 400 - sum(one.tally.requests for one in rates[1:])
    assert 0 <= in_open_slice <= 300, "every request is in a slice"
    assert ("WeirErrors", "critical", "resolved") in alerts(after)


def test_a_clock_that_is_set_back_by_less_than_a_slice_changes_no_slice() -> None:
    clock = Clocked()
    emitted = list(clock.run(12))
    clock.now -= 5_000
    emitted += clock.run(30)
    rates = [one for one in emitted if isinstance(one, Rates)]
    assert all(one.until <= two.since for one, two in pairwise(rates))


def test_firing_alerts_are_sent_again_after_the_clock_was_set_back() -> None:
    clock = Clocked()
    assert alerts(list(clock.run(400, failed=5)))[-1][2] == "firing"
    clock.now -= 3_600_000
    assert ("WeirErrors", "critical", "firing") in alerts(list(clock.run(2, failed=5)))
