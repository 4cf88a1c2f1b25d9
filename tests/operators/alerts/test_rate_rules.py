from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from operators.alerts.finding import UNKNOWN, AlertKey, Finding, Severity, Unknown
from operators.alerts.rate_rules import LatencyRule, RateRule, RateRules, Slice, evaluate_rates, quantile
from operators.metrics.tally import BOUNDS, StepTally, Tally

NOW = 600_000
NONE = RateRules(None, None, {}, None, None)
SHARE = RateRule({"warning": 0.1, "critical": 0.5}, 60.0)


def slices(*tallies: Tally) -> list[Slice]:
    """The latest ends now, each lasted ten seconds."""
    first = NOW - 10_000 * len(tallies)
    return [Slice(first + 10_000 * i, first + 10_000 * (i + 1), one) for i, one in enumerate(tallies)]


def failing(failed: int, requests: int) -> Tally:
    return Tally(requests=requests, failed=failed, errors={"a": {"STEP_FAILED": failed}})


def found(
    rules: RateRules, history: list[Slice], last: int = NOW, active: dict[AlertKey, Severity] | None = None
) -> dict[AlertKey, Finding | Unknown | None]:
    return dict(evaluate_rates(rules, history, last, NOW, active or {}))


def errors(*tallies: Tally, active: Severity | None = None) -> Any:
    about = AlertKey("WeirErrors")
    stands = {about: active} if active else {}
    return found(NONE._replace(errors=SHARE), slices(*tallies), active=stands)[about]


def test_shares_are_judged_over_the_latest_slices_only() -> None:
    assert errors(failing(0, 100)) is None
    bad = errors(failing(20, 50), failing(20, 50))
    assert bad.severity == "warning"
    assert bad.annotations["summary"] == "40.0% of 100 requests got an error instead of an answer"
    assert bad.annotations["errors"] == "40 STEP_FAILED in a"
    assert bad.annotations["window"] == "1970-01-01T00:09:40.000Z/1970-01-01T00:10:00.000Z"
    assert errors(failing(100, 100), *[failing(0, 100)] * 6) is None, "a minute ago"
    assert errors(failing(100, 100), *[failing(0, 1)] * 5).severity == "critical"


def test_a_share_that_may_be_chance_is_not_known_and_nothing_is_nothing_wrong() -> None:
    assert errors(failing(2, 12)) is UNKNOWN
    assert errors(failing(0, 12)) is None
    assert errors(Tally()) is None
    assert errors(failing(7, 12)).severity == "warning", "surely above a tenth, not above a half"


def test_an_alert_that_stands_goes_on_above_its_level_and_steps_down_below_it() -> None:
    wobbling = failing(51, 100)
    assert errors(wobbling).severity == "warning", "maybe a half by chance"
    assert errors(wobbling, active="critical").severity == "critical"
    assert errors(failing(49, 100), active="critical").severity == "warning"
    few = failing(2, 12)
    assert errors(few) is UNKNOWN
    assert errors(few, active="warning").severity == errors(few, active="critical").severity == "warning"
    assert errors(failing(1, 12), active="critical") is None


def test_failures_that_cost_no_answer_are_not_named_among_the_errors() -> None:
    tally = failing(40, 100)
    tally.errors["watcher"] = {"MONITOR_FAILED": 99}
    assert errors(tally).annotations["errors"] == "40 STEP_FAILED in a"


def latency(buckets: dict[float, int], **levels: float) -> Any:
    counts = [buckets.get(bound, 0) for bound in (*BOUNDS, float("inf"))]
    tally = Tally(requests=sum(counts), buckets=counts, steps={"slow": StepTally(microseconds=9)})
    rules = NONE._replace(latency=LatencyRule(levels, 60.0))  # type: ignore[arg-type]
    return found(rules, slices(tally))[AlertKey("WeirLatency")]


def test_latency_is_judged_by_its_99th_percentile() -> None:
    assert latency({0.1: 995, 1.0: 5}, warning=500) is None
    slow = latency({0.1: 900, 1.0: 100}, warning=500, critical=2_000)
    assert slow.severity == "warning"
    assert slow.annotations["summary"] == "99 % of 1,000 requests took up to 950 ms, more than 500 ms"
    assert slow.annotations["busiest_step"] == "slow"
    assert latency({0.1: 900, float("inf"): 100}, warning=500, critical=2_000).severity == "critical"
    assert latency({0.1: 95, 1.0: 2}, warning=500) is UNKNOWN
    assert latency({}, warning=500) is None
    assert latency({10.0: 100}, warning=20_000) is None


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.99])
def test_quantiles_are_in_the_bucket_that_holds_them(share: float) -> None:
    seconds = np.sort(np.random.default_rng(1).exponential(0.1, 1_000))
    buckets = np.bincount(np.searchsorted(BOUNDS, seconds), minlength=len(BOUNDS) + 1).tolist()
    true = float(seconds[round(share * 1_000) - 1])
    edges = [0.0, *BOUNDS]
    bucket = int(np.searchsorted(BOUNDS, true))
    assert edges[bucket] <= quantile(share, buckets) <= edges[bucket + 1]


def test_a_quantile_beyond_the_last_bound_is_that_bound() -> None:
    assert quantile(0.99, [0] * len(BOUNDS) + [5]) == BOUNDS[-1]


def test_outliers_are_judged_for_every_step_that_flags() -> None:
    def flagged(outliers: int) -> Tally:
        step = StepTally(rows=200, outliers=outliers)
        return Tally(requests=200, steps={"one": step, "two": step, "none": StepTally(rows=200)})

    rules = NONE._replace(outliers={"two": RateRule({"critical": 0.9}, 60.0)}, any_outliers=SHARE)
    findings = found(rules, slices(flagged(60)))
    assert findings.keys() == {AlertKey("WeirOutliers", "one"), AlertKey("WeirOutliers", "two")}
    one = findings[AlertKey("WeirOutliers", "one")]
    assert isinstance(one, Finding)
    assert (one.severity, findings[AlertKey("WeirOutliers", "two")]) == ("warning", None)
    assert one.annotations["summary"] == "30.0% of 200 rows are outliers to one"


def test_no_data_is_a_finding_after_its_time_and_not_before() -> None:
    rules = NONE._replace(no_data=60.0)
    assert found(rules, [], last=NOW - 59_999) == {AlertKey("WeirNoData"): None}
    finding = found(rules, [], last=NOW - 60_000)[AlertKey("WeirNoData")]
    assert isinstance(finding, Finding)
    assert finding.annotations["summary"] == "no request came since 1970-01-01T00:09:00.000Z"


def test_rates_are_kept_for_the_longest_rule() -> None:
    assert NONE.longest == 0
    assert NONE._replace(errors=SHARE, any_outliers=RateRule({"warning": 0.1}, 300.0)).longest == 300
