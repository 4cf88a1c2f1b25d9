"""Checks of clocks: those of the workers and of Flink against that of this machine."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.status.condition import counted
from jobs.status.doctor.check import Check, Level
from jobs.status.doctor.evidence import Evidence, namespace_of
from operators.control.status import STALE_AFTER, WorkerStatus

# Network and polling explain less than this, in seconds.
_TOLERANCE = 2.0
_REMEDY = "synchronize the clocks with NTP (chrony, systemd-timesyncd)"


def clock_checks(evidence: Evidence) -> Iterator[Check]:
    """Yield a check for each running job: its workers', then its JobManager's clock."""
    snapshot = evidence.snapshot
    workers = list(snapshot.status.workers.values()) if snapshot.status else []
    for details in evidence.jobs:
        name, own = details.job.name, [one for one in workers if one.job == details.job.name]
        if details.job.is_running:
            yield _workers(name, own, snapshot.now)
        yield _compare(f"{name}: JobManager", details.flink_now - details.local_now)
    if not evidence.jobs:
        yield Check("skipped", "clock", namespace_of(evidence.topics), "no job reports its time")


def _workers(job: str, workers: list[WorkerStatus], now: float) -> Check:
    ahead = max((worker.at - now for worker in workers), default=0.0)
    if ahead > _TOLERANCE:
        return _compare(f"{job}: workers", ahead)
    newest = max((worker.at for worker in workers), default=0.0)
    if now - newest > STALE_AFTER:
        found = "no worker has a recent status: its clock is behind, or it does not report"
        return Check("warning", "clock", f"{job}: workers", found, f"{_REMEDY}; see `weir status`")
    found = f"{counted(len(workers), 'worker')} within {STALE_AFTER:g} s"
    return Check("ok", "clock", f"{job}: workers", found)


def _compare(of: str, ahead: float) -> Check:
    if abs(ahead) <= _TOLERANCE:
        return Check("ok", "clock", of, f"within {_TOLERANCE:g} s of this machine")
    where = "ahead of" if ahead > 0 else "behind"
    level: Level = "error" if abs(ahead) > STALE_AFTER else "warning"
    return Check(level, "clock", of, f"{abs(ahead):.1f} s {where} this machine", _REMEDY)
