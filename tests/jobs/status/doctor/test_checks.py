"""Checks of a namespace, a job and a machine, from what Kafka, Flink and the file system report."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from jobs.flink.job_details import Checkpoints, JobDetails, parse_checkpoints
from jobs.flink.rest_api import Job
from jobs.kafka.topic_settings import KafkaSettings, TopicSettings
from jobs.production_monitoring import job_parameters
from jobs.status.doctor import machine
from jobs.status.doctor.check import Check
from jobs.status.doctor.checks import run_checks
from jobs.status.doctor.evidence import Evidence
from jobs.status.snapshot import Snapshot
from jobs.streaming.settings import Settings
from operators.control.control_state import ControlState
from operators.control.status import StatusState
from operators.core.version import VERSION
from operators.kafka.skipped_records import SkippedRecords
from operators.kafka.topics import Topics
from operators.storage.trusted_roots import make_policy
from tests.builders.workers import worker_status
from tests.support.paths import ROOT

NOW = 1_000_000.0
NAME = "weir.default"
OUTPUTS = f"{NAME}.pipeline.p.outputs"
TOPIC = {
    "cleanup.policy": "delete",
    "max.message.bytes": "20971520",
    "min.insync.replicas": "2",
    "retention.ms": "604800000",
    "unclean.leader.election.enable": "false",
}
CHECKPOINTS = Checkpoints(9, 1, NOW - 5, NOW - 500, "Checkpoint expired", "FileSystemCheckpointStorage")


def kafka(topic: str = OUTPUTS, replicas: int = 3, longest: int = 900_000, **configs: str) -> KafkaSettings:
    names = {f"{NAME}.{name}": dict(TOPIC) for name in ("alerts", "rates", "outliers")}
    names |= {f"{NAME}.control": TOPIC | {"cleanup.policy": "compact"}, OUTPUTS: dict(TOPIC)}
    names[f"{NAME}.status"] = TOPIC | {"cleanup.policy": "compact,delete"}
    names[topic] |= {key.replace("_", "."): value for key, value in configs.items()}
    topics = {name: TopicSettings(3, 3, one) for name, one in names.items()}
    topics[topic] = topics[topic]._replace(replicas=replicas, in_sync=replicas)
    return KafkaSettings(3, longest, topics)


def job(checkpoints: Checkpoints | None = CHECKPOINTS, ahead: float = 0.0, **parameters: str) -> JobDetails:
    running = Job("f00", NAME, "RUNNING", {"total": 8, "running": 8}, NOW - 600)
    return JobDetails(running, job_parameters(Settings()) | parameters, checkpoints, NOW + ahead, NOW)


def findings(
    tmp_path: Path,
    settings: KafkaSettings | None = None,
    details: JobDetails | None = None,
    worker_at: float = NOW - 1,
    flink: str = "",
    **configuration: str,
) -> dict[tuple[str, str], Check]:
    """The checks that are not ok, by name and object."""
    details = details or job(artifact_cache=str(tmp_path))
    worker = worker_status(NAME, worker_at, NOW - 600)
    status = StatusState({worker.key: worker}, {}, SkippedRecords())
    snapshot = Snapshot(NOW, ControlState.empty(), status, "", "http://flink", [details.job], {})
    config = {"execution.checkpointing.dir": "s3://b/c", "heartbeat.timeout": "10000"}
    config |= {key.replace("__", ".").replace("_", "-"): value for key, value in configuration.items()}
    site = make_policy("", str(tmp_path))
    flink = flink or version("apache-flink")
    evidence = Evidence(Topics(), snapshot, settings or kafka(), "", [details], flink, config, site)
    return {(one.check, one.of): one for one in run_checks(evidence) if one.level not in ("ok", "skipped")}


@pytest.fixture(autouse=True)
def private(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)


def test_safe_settings_have_no_findings(tmp_path: Path) -> None:
    assert findings(tmp_path) == {}


@pytest.mark.parametrize(
    ("topic", "key", "value", "level"),
    [
        (OUTPUTS, "cleanup.policy", "compact", "error"),
        (f"{NAME}.control", "cleanup.policy", "compact,delete", "error"),
        (f"{NAME}.status", "cleanup.policy", "delete", "error"),
        (OUTPUTS, "retention.ms", "3600000", "warning"),
        (OUTPUTS, "max.message.bytes", "1048588", "error"),
        (OUTPUTS, "max.message.bytes", "8000000", "warning"),
        (OUTPUTS, "min.insync.replicas", "1", "warning"),
        (OUTPUTS, "min.insync.replicas", "3", "warning"),
        (OUTPUTS, "min.insync.replicas", "4", "error"),
        (OUTPUTS, "unclean.leader.election.enable", "true", "error"),
    ],
)
def test_an_unsafe_topic_is_found(tmp_path: Path, topic: str, key: str, value: str, level: str) -> None:
    (found,) = findings(tmp_path, kafka(topic, **{key.replace(".", "_"): value})).items()
    assert (found[0], found[1].level) == ((key, topic), level)
    assert key in found[1].remedy


def test_one_replica_is_an_error_only_beside_other_brokers(tmp_path: Path) -> None:
    alone = kafka(replicas=1, min_insync_replicas="1")
    assert findings(tmp_path, alone)["replication.factor", OUTPUTS].level == "error"
    assert findings(tmp_path, alone._replace(brokers=1)) == {}


def test_a_missing_topic_is_an_error(tmp_path: Path) -> None:
    settings = kafka()
    del settings.topics[f"{NAME}.rates"]
    assert f"{NAME}.rates" in findings(tmp_path, settings)["topics", NAME].message


def test_a_transaction_fits_the_broker_and_outlasts_a_restart(tmp_path: Path) -> None:
    assert "allow 60000" in findings(tmp_path, kafka(longest=60_000))["transaction timeout", NAME].message
    short = job(artifact_cache=str(tmp_path), transaction_timeout_ms="100000")
    # An interval of 5 s, the heartbeat's 10 s, a delay of at most 30 s, and 60 s to load the models.
    delay = {"restart_strategy__exponential_delay__max_backoff": "30 s"}
    assert "105000 ms" in findings(tmp_path, details=short, **delay)["transaction timeout", NAME].message
    assert findings(tmp_path, details=short, restart_strategy__type="fixed-delay") == {}


@pytest.mark.parametrize(
    ("checkpoints", "name", "message"),
    [
        (None, "checkpoints", "takes none"),
        (CHECKPOINTS._replace(last_failed_at=NOW), "checkpoints", "Checkpoint expired"),
        (CHECKPOINTS._replace(last_completed_at=NOW - 60), "checkpoints", "none completed for 60 s"),
        (CHECKPOINTS._replace(storage="JobManagerCheckpointStorage"), "checkpoint folder", "not set"),
    ],
)
def test_missing_or_failing_checkpoints_are_found(
    tmp_path: Path, checkpoints: Checkpoints | None, name: str, message: str
) -> None:
    (found,) = findings(tmp_path, details=job(checkpoints, artifact_cache=str(tmp_path))).values()
    assert (found.level, found.check) == ("error", name)
    assert message in found.message


def test_a_job_that_does_not_restart_is_found(tmp_path: Path) -> None:
    assert ("restart strategy", "Flink") in findings(tmp_path, restart_strategy__type="none")


def test_other_versions_are_found(tmp_path: Path) -> None:
    assert findings(tmp_path, flink="2.2.1")["flink version", "Flink"].level == "error"
    older = job(artifact_cache=str(tmp_path), weir_version="0.0.9", python_version="3.10")
    names = [check for check, _ in findings(tmp_path, details=older)]
    assert names == ["weir version", "python version"]
    assert re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)[1] == VERSION  # type: ignore[index]


@pytest.mark.parametrize(("ahead", "level"), [(3.0, "warning"), (-60.0, "error")])
def test_the_clock_of_flink_is_compared(tmp_path: Path, ahead: float, level: str) -> None:
    details = job(CHECKPOINTS._replace(last_completed_at=NOW + ahead), ahead, artifact_cache=str(tmp_path))
    (found,) = findings(tmp_path, details=details).values()
    assert (found.check, found.level) == ("clock", level)


@pytest.mark.parametrize("seconds", [3.0, -20.0])
def test_the_clocks_of_workers_are_compared(tmp_path: Path, seconds: float) -> None:
    (found,) = findings(tmp_path, worker_at=NOW + seconds).values()
    assert (found.check, found.of) == ("clock", f"{NAME}: workers")


def test_paths_that_others_can_write_to_are_found(tmp_path: Path) -> None:
    cache, root = tmp_path / "cache", tmp_path / "models"
    for folder in (cache, root):
        folder.mkdir(mode=0o700)
    own = job(artifact_cache=str(cache), trusted_roots=f"{root},s3://models")
    assert findings(tmp_path, details=own) == {}
    cache.chmod(0o755)
    root.chmod(0o777)
    found = findings(tmp_path, details=own)
    assert found["artifact cache", str(cache)].remedy.startswith(f"chmod 700 {cache}")
    assert found["trusted root", str(root)].remedy == f"chmod o-w {root}"


def test_little_disk_and_few_open_files_are_found(tmp_path: Path) -> None:
    assert machine.open_files_check(1024, 4096).level == "warning"
    assert machine.open_files_check(1024, -1).level == "ok"
    levels = [machine.space_check("disk", "/", free << 30).level for free in (0, 2, 20)]
    assert levels == ["error", "warning", "ok"]
    assert machine.disk_check("disk", str(tmp_path)).level != "skipped"
    assert machine.disk_check("disk", "s3://b/c").level == "skipped"


def test_checkpoints_are_parsed_as_flink_reports_them() -> None:
    completed = {"latest_ack_timestamp": 2_000, "external_path": "file:/c", "status": "COMPLETED"}
    failed = {"failure_timestamp": 3_000, "failure_message": "Checkpoint expired before completing."}
    latest = {"completed": completed, "savepoint": None, "failed": failed, "restored": None}
    counts = {"restored": 0, "total": 3, "in_progress": 0, "completed": 2, "failed": 1}
    seen = parse_checkpoints({"counts": counts, "latest": latest}, {"checkpoint_storage": "S"})
    assert seen == Checkpoints(2, 1, 2.0, 3.0, "Checkpoint expired before completing.", "S")
