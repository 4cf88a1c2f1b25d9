"""Checks of checkpoints, their folder, and the restart strategy."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.flink.job_details import Checkpoints, JobDetails
from jobs.status.doctor.check import Check
from jobs.status.doctor.evidence import Evidence, namespace_of, number_of
from jobs.status.doctor.transactions import DEFAULT_STRATEGY

# Intervals without a completed checkpoint after which something is wrong.
_PATIENCE = 10
_IN_MEMORY = "JobManagerCheckpointStorage"
FOLDER_KEYS = ("execution.checkpointing.dir", "state.checkpoints.dir")
_NO_RESTART = ("none", "off", "disable")


def checkpoint_checks(evidence: Evidence) -> Iterator[Check]:
    """Yield checks of the cluster, then of each job of the namespace."""
    namespace = namespace_of(evidence.topics)
    if evidence.snapshot.jobs is None:
        yield _unreachable(namespace, evidence.snapshot.flink)
        return
    strategy = evidence.configuration.get("restart-strategy.type", DEFAULT_STRATEGY)
    if strategy in _NO_RESTART:
        remedy = "set restart-strategy.type: exponential-delay in Flink's config.yaml"
        found = f"{strategy}: the first failure ends the job"
        yield Check("error", "restart strategy", "Flink", found, remedy)
    else:
        yield Check("ok", "restart strategy", "Flink", strategy)
    if not evidence.jobs:
        yield Check("warning", "job", namespace, "no job runs", "run `weir submit`")
    for job in evidence.jobs:
        yield _folder(job, evidence.configuration)
        yield _progress(job)


def _unreachable(namespace: str, url: str) -> Check:
    remedy = "start the cluster, or set FLINK_CONF_DIR"
    if url:
        return Check("error", "flink", namespace, f"Flink does not answer at {url}", remedy)
    return Check("warning", "flink", namespace, "the address of Flink is not known", remedy)


def _folder(job: JobDetails, configuration: dict[str, str]) -> Check:
    name, folder = "checkpoint folder", checkpoint_folder(configuration)
    in_memory = job.checkpoints is not None and job.checkpoints.storage == _IN_MEMORY
    if in_memory or not (folder or job.checkpoints):
        remedy = "set execution.checkpointing.dir in Flink's config.yaml; every machine must reach it"
        found = "not set: checkpoints are in the JobManager's memory, and are lost with it"
        return Check("error", name, job.job.name, found, remedy)
    return Check("ok", name, job.job.name, folder or "set by the job")


def checkpoint_folder(configuration: dict[str, str]) -> str:
    """Return the URI of the folder of checkpoints, empty where it is not set."""
    return next((configuration[key] for key in FOLDER_KEYS if configuration.get(key)), "")


def _progress(job: JobDetails) -> Check:
    name, of, seen = "checkpoints", job.job.name, job.checkpoints
    remedy = "see *Checkpoints* in Flink's web UI, and docs/runbook.md#weircheckpoints"
    if seen is None:
        return Check("error", name, of, "the job takes none", "submit it with `weir submit`")
    if seen.last_failed_at > seen.last_completed_at:
        return Check("error", name, of, f"the last one failed: {seen.error or 'no reason given'}", remedy)
    last = max(seen.last_completed_at, job.job.started_at)
    waited, interval = job.flink_now - last, number_of(job, "checkpoint_interval_ms") / 1000
    if waited > _PATIENCE * interval:
        return Check("error", name, of, f"none completed for {waited:.0f} s", remedy)
    return Check("ok", name, of, _counts(seen))


def _counts(seen: Checkpoints) -> str:
    return f"{seen.completed} completed, {seen.failed} failed"
