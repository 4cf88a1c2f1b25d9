"""Rows of a sharded step: counted apart, judged together, in the epoch in which they were sent."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import joblib
import msgspec
import numpy as np
import pytest
from alibi_detect.saving import load_detector
from numpy.typing import NDArray

from jobs.traffic.local.flink_in_memory import MemoryBlobs, MemoryValue
from operators.alerts.active_alerts import ActiveAlerts
from operators.alerts.rules_cache import AlertRulesCache
from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.control.release_cache import ReleaseCache
from operators.kafka.topics import Topics
from operators.metrics.flink_metrics import Metrics, WindowMetrics
from operators.models.runtimes.batched import WindowRules
from operators.resources.seldon_schema import Batch
from operators.rows.chunks import Chunk, SubtaskId, empty_chunk
from operators.rows.counted_rows import CountedRows, decode_counted, is_counted
from operators.storage.trusted_roots import make_policy
from operators.windows.messages import decode_rows, key_of, shard_key_of
from operators.windows.report import Report, read_report
from operators.windows.shard import Shard, most_rows
from operators.windows.step_configs import StepConfigs
from operators.windows.step_windows import StepWindows, WindowState
from tests.builders.metric_group import MetricGroup
from tests.builders.pipelines import pipeline, released

STEP, SIZE, SUBTASKS = "income-drift-preprocessed", 20_000, 3
TOPIC = "weir.default.pipeline.p.inputs"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Release:
    folder = tmp_path_factory.mktemp("shards")
    (one,) = released(folder, models, pipeline("p", [{"name": STEP, "batch": {"size": SIZE}}]))
    return one


class Job:
    """A shard for each subtask of infer, and the monitor, with state in memory."""

    def __init__(self, release: Release, rows: NDArray[np.float64]) -> None:
        control = ControlState.empty()
        for generation in (1, 2):
            control.releases["p", generation] = msgspec.structs.replace(release, generation=generation)
        self._releases = ReleaseCache(Topics(), lambda: control)
        self._rows = rows
        self._state = [(MemoryValue(), MemoryBlobs()) for _ in range(SUBTASKS)]
        self._sent = [0] * SUBTASKS
        self.metrics = MetricGroup()
        self._windows = StepWindows(
            WindowState(MemoryValue(), MemoryBlobs(), MemoryBlobs(), MemoryValue()),
            self._configs(),
            AlertRulesCache(Topics(), self._releases),
            ActiveAlerts(MemoryValue()),
            WindowMetrics(Metrics(self.metrics)),
            lambda step: True,
        )
        self.restart()

    def restart(self) -> None:
        """Begin again with the state alone; the models are not loaded then."""
        self._shards = [Shard(held, panes, self._configs()) for held, panes in self._state]

    def send(self, subtask: int, n: int, epoch: int = 1) -> tuple[list[Any], bool]:
        """Send the next n rows of a subtask, whose number is the partition; return reports.

        The second value is whether a flush must be scheduled.
        """
        messages, has_begun = self._shards[subtask].take(self.chunk(subtask, n, epoch))
        return self.deliver(messages), has_begun

    def chunk(self, subtask: int, n: int, epoch: int = 1) -> Chunk:
        offsets = np.arange(self._sent[subtask], self._sent[subtask] + n)
        self._sent[subtask] += n
        at = self.row_numbers(subtask, offsets)
        return Chunk(
            *("p", STEP, epoch, epoch, False, SubtaskId(subtask, SUBTASKS)),
            *(self._rows[at], (TOPIC,), np.zeros(n, np.int8), np.full(n, subtask, np.int32), offsets),
            np.full(n, 1_000, np.int64),
        )

    def row_numbers(self, partition: int, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        return (offsets * SUBTASKS + partition) % len(self._rows)

    def flush(self, subtask: int) -> list[bytes]:
        return self._shards[subtask].flush()

    def deliver(self, messages: list[bytes]) -> list[Any]:
        """Let messages arrive at the windows; return the parameters and outputs of reports."""
        assert {key_of(message) for message in messages} <= {f"p/{STEP}"}
        emitted = [one for message in messages for one in self._windows.take(decode_rows(message), 1_000)]
        return [msgspec.json.decode(one.body) for one in emitted if isinstance(one, Report)]

    def announce(self, epoch: int, now: int) -> list[tuple[str, int]]:
        """Send a heartbeat of every subtask in an epoch; return the states of reports."""
        states = []
        for subtask in range(SUBTASKS):
            sender = SubtaskId(subtask, SUBTASKS)
            heartbeat = empty_chunk("p", STEP, epoch, epoch, sender, ended=False)
            for one in self._windows.take(heartbeat, now):
                assert isinstance(one, Report)
                report = read_report(one.body)
                assert report is not None
                states.append((report.window.state, report.window.n))
        return states

    def _configs(self) -> StepConfigs:
        return StepConfigs(self._releases, make_policy("", ""), WindowRules())


@pytest.fixture(scope="module")
def rows(models: Path) -> NDArray[np.float64]:
    preprocess = joblib.load(models / "income-preprocess" / "model.joblib")
    prepared: NDArray[np.float64] = preprocess.transform(np.load(models / "holdout.npy"))
    return prepared


@pytest.fixture
def job(release: Release, rows: NDArray[np.float64]) -> Job:
    return Job(release, rows)


def test_shards_give_the_verdict_of_one_window_of_all_rows(
    job: Job, models: Path, rows: NDArray[np.float64]
) -> None:
    rng = np.random.default_rng(0)
    reports: list[Any] = []
    while len(reports) < 3:
        found, _ = job.send(int(rng.integers(SUBTASKS)), int(rng.integers(1, 4_000)))
        reports += found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        detector = load_detector(models / STEP)
    next_offset = [0] * SUBTASKS
    for number, report in enumerate(reports, 1):
        parameters = report["parameters"]
        assert parameters["window"] == number
        assert SIZE <= parameters["n"] < SIZE * 1.05
        window = []
        for member in parameters["members"]:
            partition, first, last = (member[name] for name in ("partition", "first_offset", "last_offset"))
            assert first == next_offset[partition], "no row is lost, and none is in two windows"
            next_offset[partition] = last + 1
            window.append(rows[job.row_numbers(partition, np.arange(first, last + 1))])
        expected = detector.predict(np.concatenate(window))["data"]
        outputs = {output["name"]: output["data"] for output in report["outputs"]}
        assert outputs["is_drift"] == [expected["is_drift"]]
        assert np.array_equal(np.float32(outputs["p_val"]), expected["p_val"])
        assert np.array_equal(np.float32(outputs["distance"]), expected["distance"])


def test_a_shard_holds_rows_until_it_has_enough_or_is_flushed(job: Job) -> None:
    assert job.send(0, 400) == ([], True)
    assert job.send(0, 400) == ([], False), "a flush is scheduled already"
    (message,) = job.flush(0)
    assert decode_counted(message).pane.lineage.rows == 800
    assert job.flush(0) == []
    assert job.send(0, 10) == ([], True)


def test_rows_are_sent_in_parts_of_a_bounded_size(job: Job, release: Release) -> None:
    shard = Shard(MemoryValue(), MemoryBlobs(), job._configs())
    messages, has_begun = shard.take(job.chunk(0, 2_500))
    assert [decode_counted(message).pane.lineage.rows for message in messages] == [1_000, 1_000]
    assert has_begun
    assert [decode_counted(message).pane.lineage.rows for message in shard.flush()] == [500]


def test_a_flush_after_a_restart_sends_everything_that_was_held(job: Job) -> None:
    job.send(0, 300)
    job.send(0, 200)
    job.restart()
    held = [decode_counted(message) for message in job.flush(0)]
    assert sum(one.pane.lineage.rows for one in held) == 500
    assert sum(counts.n for counts in (one.pane.counts[0] for one in held)) == 500


def test_a_new_epoch_ends_the_window_and_no_row_goes_into_the_next_one(job: Job) -> None:
    job.send(0, 700)
    reports, _ = job.send(0, 100, epoch=2)
    assert reports == [], "rows of the new epoch are held"
    job.deliver(job.flush(0))
    assert job.announce(2, now=1_000) == []
    assert job.announce(2, now=4_000) == [("SUPERSEDED", 700)]


def test_rows_of_an_earlier_epoch_are_sent_as_they_are_and_counted_once(job: Job) -> None:
    job.send(0, 50, epoch=2)
    messages, has_begun = job._shards[0].take(job.chunk(0, 30, epoch=1))
    assert not has_begun
    assert [is_counted(message) for message in messages] == [False]
    job.deliver(job.flush(0))
    job.announce(2, now=1_000)
    assert job.deliver(messages) == []
    assert sum(n for name, n in job.metrics.values().items() if name.startswith("late_rows{")) == 30


def test_a_message_has_the_key_of_its_step_and_a_chunk_that_of_its_shard(job: Job) -> None:
    chunk = job.chunk(2, 5)
    assert shard_key_of(chunk.encode()) == f"p/{STEP}#2"
    assert key_of(chunk.encode()) == f"p/{STEP}"


def test_counted_rows_are_read_as_they_were_written(job: Job) -> None:
    job.send(1, 600, epoch=2)
    (message,) = job.flush(1)
    counted = decode_counted(message)
    assert (counted.epoch, counted.sender, counted.ended) == (2, SubtaskId(1, SUBTASKS), False)
    assert (counted.pipeline, counted.step, counted.generation) == ("p", STEP, 2)
    assert isinstance(decode_rows(message), CountedRows)
    with pytest.raises(ValueError, match="version 9"):
        decode_counted(b"C\x09" + message[2:])


@pytest.mark.parametrize(("size", "most"), [(20_000, 1_000), (100_000, 5_000), (10_000_000, 50_000)])
def test_a_shard_holds_a_twentieth_of_a_window_at_most(size: int, most: int) -> None:
    assert most_rows(Batch(size=size)) == most
