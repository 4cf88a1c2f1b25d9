"""What each event does to each state of a step's windows: rows, ticks, changes of epoch, ends, time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from detectors.drift.confirmation import Confirmation
from detectors.drift.judgement import Judgement
from detectors.quality.data_quality import quality_of
from jobs.traffic.local.flink_in_memory import MemoryBlobs, MemoryValue
from operators.alerts.active_alerts import ActiveAlerts
from operators.alerts.alert import AlertRecord
from operators.alerts.rules_cache import AlertRulesCache
from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.control.release_cache import ReleaseCache
from operators.kafka.topics import Topics
from operators.metrics.flink_metrics import Metrics, WindowMetrics
from operators.models.formats.data_quality import write_quality
from operators.models.runtimes.batched import WindowRules
from operators.rows.chunks import Chunk, SubtaskId
from operators.storage.trusted_roots import make_policy
from operators.windows.report import Report, read_report
from operators.windows.step_configs import StepConfigs
from operators.windows.step_windows import StepWindows, WindowState
from tests.builders.metric_group import MetricGroup
from tests.builders.pipelines import pipeline, released

TOPIC = "weir.default.pipeline.p.inputs"
GOOD, BAD = 0, 1
# Windows of four rows, of which two are enough to be judged; one window confirms, one resolves.
RULES = WindowRules(Judgement(min_n=2), Confirmation(confirm=1, resolve=1), tolerance=0.01)
SECOND = 1_000


class Seen(NamedTuple):
    """What a report holds of its window."""

    window: int
    state: str
    rows: int
    generation: int
    offsets: tuple[int, int]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("windows")
    quality = folder / "models" / "quality"
    quality.mkdir(parents=True)
    (quality / "model-settings.json").write_text('{"implementation": "weir.DataQuality"}')
    write_quality(quality, quality_of(np.arange(20.0).reshape(10, 2), ["a", "b"], {}))
    steps = [{"name": "quality", "batch": {"size": 4, "windowMs": 60 * SECOND}}]
    (one,) = released(folder / "manifests", folder / "models", pipeline("p", steps))
    return one


class Step:
    """The windows of one batched step, as the monitor's keyed function has them."""

    def __init__(self, release: Release, *, has_topic: bool = True) -> None:
        self._control = ControlState.empty()
        for generation in range(1, 5):
            self._control.releases["p", generation] = msgspec.structs.replace(release, generation=generation)
        self._state = WindowState(MemoryValue(), MemoryBlobs(), MemoryBlobs(), MemoryValue())
        self._alerts = MemoryValue()
        self._has_topic = has_topic
        self._offset = 0
        self.alerts: list[str] = []
        self.restore()

    def restore(self) -> None:
        """Begin again with the state alone, as after a restart."""
        topics = Topics()
        releases = ReleaseCache(topics, lambda: self._control)
        self._metrics = MetricGroup()
        self._windows = StepWindows(
            self._state,
            StepConfigs(releases, make_policy("", ""), RULES),
            AlertRulesCache(topics, releases),
            ActiveAlerts(self._alerts),
            WindowMetrics(Metrics(self._metrics)),
            lambda step: self._has_topic,
        )

    def rows(self, n: int, epoch: int = 1, *, subtask: int = 0, at: int = 0, codes: int = GOOD) -> list[Seen]:
        """Send n rows, the next offsets of one partition, whose requests and whose chunk come at `at`."""
        offsets = np.arange(self._offset, self._offset + n, dtype=np.int64)
        self._offset += n
        times = np.full(n, at, dtype=np.int64)
        return self._take(self._chunk(epoch, subtask, np.full((n, 2), codes, np.uint8), offsets, times), at)

    def tick(self, epoch: int = 1, *, subtask: int = 0, at: int = 0, ended: bool = False) -> list[Seen]:
        """Send a chunk without rows: the step is live or, with `ended`, in no pipeline from that epoch on."""
        none = np.zeros(0, dtype=np.int64)
        chunk = self._chunk(epoch, subtask, np.zeros((0, 2), np.uint8), none, none)
        return self._take(chunk._replace(ended=ended), at)

    def finish(self, at: int = 0) -> list[Seen]:
        none = np.zeros(0, dtype=np.int64)
        return self._seen(self._windows.finish(self._chunk(1, 0, np.zeros((0, 2), np.uint8), none, none), at))

    def late_rows(self) -> int:
        """Return how many rows were counted as late."""
        counts = self._metrics.values()
        return sum(n for name, n in counts.items() if name.startswith("late_rows{"))

    @property
    def is_empty(self) -> bool:
        head, rows, panes, draining = self._state
        return head.value() is None and draining.value() is None and not rows.get() and not panes.get()

    def _chunk(self, epoch: int, subtask: int, rows: Any, offsets: Any, times: Any) -> Chunk:
        n = len(offsets)
        topic, partition = np.zeros(n, np.int8), np.zeros(n, np.int32)
        sender = SubtaskId(subtask, 2)
        return Chunk(
            "p", "quality", epoch, epoch, False, sender, rows, (TOPIC,), topic, partition, offsets, times
        )

    def _take(self, chunk: Chunk, at: int) -> list[Seen]:
        return self._seen(self._windows.take(chunk, at))

    def _seen(self, emitted: Any) -> list[Seen]:
        seen = []
        for record in emitted:
            if isinstance(record, AlertRecord):
                self.alerts.append(record.alert.status)
                continue
            assert isinstance(record, Report)
            report = read_report(record.body)
            assert report is not None
            window = report.window
            first = min(member.first_offset for member in window.members)
            last = max(member.last_offset for member in window.members)
            seen.append(Seen(window.window, window.state, window.n, window.generation, (first, last)))
        return seen


@pytest.fixture
def step(release: Release) -> Step:
    return Step(release)


def test_rows_that_fill_no_window_wait(step: Step) -> None:
    assert step.rows(3) == []
    assert step.rows(1) == [Seen(1, "OK", 4, 1, (0, 3))]


def test_a_chunk_may_close_several_windows_each_with_its_own_rows(step: Step) -> None:
    assert step.rows(9) == [Seen(1, "OK", 4, 1, (0, 3)), Seen(2, "OK", 4, 1, (4, 7))]
    assert step.rows(3) == [Seen(3, "OK", 4, 1, (8, 11))]


def test_a_tick_changes_nothing_before_the_time_is_up(step: Step) -> None:
    step.rows(3)
    assert step.tick(at=59 * SECOND) == []
    assert step.rows(1, at=59 * SECOND) == [Seen(1, "OK", 4, 1, (0, 3))]


def test_a_tick_closes_a_window_whose_time_is_up(step: Step) -> None:
    step.rows(3)
    assert step.tick(at=60 * SECOND) == [Seen(1, "OK", 3, 1, (0, 2))]
    assert step.tick(at=600 * SECOND) == [], "a window without rows has no time"
    assert step.rows(4, at=600 * SECOND) == [Seen(2, "OK", 4, 1, (3, 6))]


def test_too_few_rows_at_the_end_of_the_time_are_insufficient(step: Step) -> None:
    step.rows(1)
    assert step.tick(at=60 * SECOND) == [Seen(1, "INSUFFICIENT_DATA", 1, 1, (0, 0))]


def test_a_request_whose_own_time_is_past_the_window_begins_the_next(step: Step) -> None:
    step.rows(2)
    assert step.rows(2, at=61 * SECOND) == [Seen(1, "OK", 2, 1, (0, 1))]
    assert step.rows(2, at=61 * SECOND) == [Seen(2, "OK", 4, 1, (2, 5))]


def test_a_new_epoch_ends_the_window_once_every_subtask_has_followed(step: Step) -> None:
    step.rows(2)
    assert step.rows(1, 2, subtask=0, at=10 * SECOND) == []
    assert step.tick(2, subtask=1, at=11 * SECOND) == []
    assert step.tick(2, subtask=0, at=12_999) == [], "slower rows have 2 s from the last subtask on"
    assert step.tick(2, subtask=0, at=13 * SECOND) == [Seen(1, "SUPERSEDED", 2, 1, (0, 1))]
    assert step.rows(3, 2, at=14 * SECOND) == [Seen(2, "OK", 4, 2, (2, 5))]


def test_rows_of_the_old_epoch_still_join_the_window_that_ended(step: Step) -> None:
    step.rows(2)
    step.rows(1, 2, subtask=0)
    assert step.rows(3, 1, subtask=1) == []
    step.tick(2, subtask=1)
    assert step.tick(2, at=2 * SECOND) == [Seen(1, "SUPERSEDED", 5, 1, (0, 5))]
    assert step.late_rows() == 0


def test_rows_that_come_after_that_are_late_and_in_no_window(step: Step) -> None:
    step.rows(2)
    step.tick(2, subtask=0)
    step.tick(2, subtask=1)
    step.tick(2, at=2 * SECOND)
    assert step.rows(3, 1, at=3 * SECOND) == []
    assert step.late_rows() == 3
    assert step.rows(4, 2, at=3 * SECOND) == [Seen(2, "OK", 4, 2, (5, 8))]


def test_a_subtask_that_never_follows_is_waited_for_for_a_minute(step: Step) -> None:
    step.rows(2)
    step.tick(2, subtask=0)
    assert step.tick(2, subtask=0, at=59_999) == []
    assert step.tick(2, subtask=0, at=60_000) == [Seen(1, "SUPERSEDED", 2, 1, (0, 1))]


def test_a_third_epoch_ends_the_wait_for_the_first(step: Step) -> None:
    step.rows(2)
    step.rows(1, 2, subtask=0)
    assert step.rows(1, 3, subtask=0) == [Seen(1, "SUPERSEDED", 2, 1, (0, 1))]
    step.tick(3, subtask=1)
    assert step.tick(3, at=2 * SECOND) == [Seen(2, "SUPERSEDED", 1, 2, (2, 2))]
    assert step.rows(3, 3, at=2 * SECOND) == [Seen(3, "OK", 4, 3, (3, 6))]


def test_an_epoch_without_rows_leaves_no_report(step: Step) -> None:
    step.rows(4)
    step.tick(2, subtask=0)
    step.tick(2, subtask=1)
    assert step.tick(2, at=60 * SECOND) == []
    assert step.rows(4, 2, at=60 * SECOND) == [Seen(2, "OK", 4, 2, (4, 7))]


def test_the_end_of_a_step_ends_its_window(step: Step) -> None:
    step.rows(2)
    assert step.tick(2, subtask=0, ended=True) == []
    step.tick(2, subtask=1, ended=True)
    assert step.tick(2, at=2 * SECOND, ended=True) == [Seen(1, "SUPERSEDED", 2, 1, (0, 1))]
    assert step.tick(2, at=3 * SECOND, ended=True) == []


def test_the_window_of_a_step_whose_topic_is_deleted_is_dropped(release: Release) -> None:
    step = Step(release, has_topic=False)
    step.rows(2)
    step.tick(2, subtask=0, ended=True)
    step.tick(2, subtask=1, ended=True)
    assert step.tick(2, at=2 * SECOND, ended=True) == []


def test_the_end_of_a_step_that_never_was_leaves_no_state(step: Step) -> None:
    assert step.tick(1, ended=True) == []
    assert step.is_empty


def test_a_step_that_comes_back_counts_its_windows_on(step: Step) -> None:
    step.rows(5)
    step.tick(2, subtask=0, ended=True)
    assert step.rows(4, 3) == [Seen(2, "SUPERSEDED", 1, 1, (4, 4)), Seen(3, "OK", 4, 3, (5, 8))]


def test_an_alert_fires_and_resolves_with_the_windows(step: Step) -> None:
    assert [seen.state for seen in step.rows(4, codes=BAD)] == ["VIOLATION"]
    assert step.alerts == ["firing"]
    assert [seen.state for seen in step.rows(4)] == ["OK"]
    assert step.alerts == ["firing", "resolved"]


def test_an_alert_outlives_a_change_and_ends_with_the_step(step: Step) -> None:
    step.rows(4, codes=BAD)
    step.tick(2)
    assert step.alerts == ["firing"]
    step.tick(3, ended=True)
    assert step.alerts == ["firing", "resolved"]


EVENTS: list[Callable[[Step], list[Seen]]] = [
    lambda step: step.rows(3, codes=BAD),
    lambda step: step.rows(3, codes=BAD),
    lambda step: step.rows(1, 2),
    lambda step: step.rows(2, 1, subtask=1),
    lambda step: step.tick(2, subtask=1),
    lambda step: step.tick(2, at=2 * SECOND),
    lambda step: step.rows(7, 2, at=3 * SECOND),
    lambda step: step.tick(2, at=70 * SECOND),
]


def test_a_restart_between_any_two_events_changes_nothing(release: Release) -> None:
    plain, restarted = Step(release), Step(release)
    for event in EVENTS:
        assert event(restarted) == event(plain)
        restarted.restore()
    assert plain.alerts == restarted.alerts == ["firing", "resolved"]


def test_at_the_end_of_the_data_what_is_there_is_judged(step: Step) -> None:
    step.rows(7)
    assert step.finish() == [Seen(2, "OK", 3, 1, (4, 6))]
    assert step.finish() == []
