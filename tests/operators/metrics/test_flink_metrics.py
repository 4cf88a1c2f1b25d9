"""What is registered with Flink, and with which values: by name and labels."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.quality.data_quality import quality_of
from operators.control.status import Event
from operators.metrics.flink_metrics import Metrics, PipelineMetrics, WindowMetrics
from operators.metrics.tally import BOUNDS, Tally
from operators.models.runtimes.batched import WindowRules
from operators.models.runtimes.data_quality import DataQualityModel
from tests.builders.metric_group import MetricGroup
from tests.builders.reports import REFERENCE, STEP


@pytest.fixture
def group() -> MetricGroup:
    return MetricGroup()


def test_a_counter_adds_up_and_a_gauge_shows_the_last_value(group: MetricGroup) -> None:
    metrics = Metrics(group)
    for n in (0, 2, 3, 0):
        metrics.count("requests", n, pipeline="p")
        metrics.show("generation", n, pipeline="p")
    metrics.count("requests", 7, pipeline="q")
    assert group.values() == {
        "requests{pipeline=p}": 5,
        "generation{pipeline=p}": 0,
        "requests{pipeline=q}": 7,
    }


def test_latencies_are_cumulative_buckets_as_prometheus_defines_them(group: MetricGroup) -> None:
    seconds = np.array([0.0005, 0.004, 0.004, 0.02, 0.3, 0.3, 100.0])
    tally = Tally()
    tally.record_latency(seconds * 1_000)
    PipelineMetrics(Metrics(group)).count({"p": tally})
    shown = group.values()
    for bound, le in [*((bound, f"{bound:g}") for bound in BOUNDS), (np.inf, "+Inf")]:
        assert shown[f"request_seconds_bucket{{pipeline=p,le={le}}}"] == (seconds <= bound).sum()
    assert shown["requests{pipeline=p}"] == len(seconds)


def test_a_model_that_no_longer_serves_is_0_and_so_is_a_deleted_pipeline(group: MetricGroup) -> None:
    metrics = PipelineMetrics(Metrics(group))
    metrics.show_serving("p", 1, 1, {"m": f"sha256:{'a' * 64}"})
    metrics.show_serving("p", 2, 3, {"m": f"sha256:{'b' * 64}"})
    assert group.values() == {
        "generation{pipeline=p}": 2,
        "head_generation{pipeline=p}": 3,
        f"model_serves{{pipeline=p,step=m,digest={'a' * 12}}}": 0,
        f"model_serves{{pipeline=p,step=m,digest={'b' * 12}}}": 1,
    }
    metrics.show_serving("p", 0, 0, {})
    assert set(group.values().values()) == {0}


def test_events_are_counted_and_the_counters_of_the_other_kind_exist(group: MetricGroup) -> None:
    metrics = PipelineMetrics(Metrics(group))
    for generation in (1, 2):
        metrics.count_event(Event(at=0.0, pipeline="p", generation=generation, what="Serving"))
    others = ("load_failures", "model_crashes", "model_timeouts", "quarantines")
    assert group.values() == {
        "generations_served{pipeline=p}": 2,
        **{f"{name}{{pipeline=p}}": 0 for name in others},
    }


def test_a_drift_verdict_shows_the_worst_column_of_each_feature(group: MetricGroup) -> None:
    verdict = STEP.judge(STEP.count(REFERENCE[:500] + np.array([0.8, 0])), 500, WindowRules())
    windows = WindowMetrics(Metrics(group))
    windows.count_closed("p", "d", verdict.state, verdict)
    windows.count_closed("p", "d", "SUPERSEDED")
    shown, found = group.values(), STEP.detector.test(REFERENCE[:500] + np.array([0.8, 0]))
    assert shown["windows{pipeline=p,step=d,state=DRIFT}"] == 1
    assert shown["windows{pipeline=p,step=d,state=SUPERSEDED}"] == 1
    assert shown["drifted{pipeline=p,step=d,feature=age}"] == 1
    assert shown["drifted{pipeline=p,step=d,feature=work}"] == 0
    assert shown["effect_ppm{pipeline=p,step=d,feature=age}"] == round(float(found.effect[0]), 6) * 1_000_000
    assert shown["p_value_ppm{pipeline=p,step=d,feature=work}"] == round(float(found.p_val[1]) * 1_000_000)


def test_a_data_quality_verdict_shows_which_features_violate(group: MetricGroup) -> None:
    step = DataQualityModel(quality_of(REFERENCE, ["age", "work"], {}))
    codes = np.zeros((300, 2), dtype=np.uint8)
    codes[:30, 1] = 2
    verdict = step.judge(step.count(codes), 300, WindowRules())
    WindowMetrics(Metrics(group)).count_closed("p", "q", verdict.state, verdict)
    assert group.values() == {
        "windows{pipeline=p,step=q,state=VIOLATION}": 1,
        "violating{pipeline=p,step=q,feature=age}": 0,
        "violating{pipeline=p,step=q,feature=work}": 1,
    }


def test_an_open_window_shows_its_rows_and_its_size_once_it_is_known(group: MetricGroup) -> None:
    windows = WindowMetrics(Metrics(group))
    windows.show_window("p", "d", 7, confirmed=False, size=None)
    assert group.values() == {
        "late_rows{pipeline=p,step=d}": 0,
        "window_rows{pipeline=p,step=d}": 7,
        "confirmed{pipeline=p,step=d}": 0,
    }
    windows.show_window("p", "d", 9, confirmed=True, size=10)
    assert group.values()["window_size{pipeline=p,step=d}"] == 10
    assert group.values()["confirmed{pipeline=p,step=d}"] == 1
