"""Checks of the job's transaction timeout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jobs.flink.job_details import JobDetails, seconds_of_flink
from jobs.status.doctor.check import Check
from jobs.status.doctor.evidence import Evidence, number_of

# Starting the Python processes and loading the models, in seconds.
_START_SECONDS = 60.0
# Flink's defaults, in seconds. The delay is that of the restart strategy which the cluster uses.
_HEARTBEAT = ("heartbeat.timeout", 50.0)
_DELAYS = {
    "exponential-delay": ("restart-strategy.exponential-delay.max-backoff", 60.0),
    "fixed-delay": ("restart-strategy.fixed-delay.delay", 1.0),
    "failure-rate": ("restart-strategy.failure-rate.delay", 1.0),
}
DEFAULT_STRATEGY = "exponential-delay"


def transaction_checks(evidence: Evidence) -> Iterator[Check]:
    """Yield a check for each job of the namespace."""
    for job in evidence.jobs:
        longest = evidence.kafka.longest_transaction_ms if evidence.kafka else None
        yield _check(job, longest, evidence.configuration)


def _check(job: JobDetails, longest: int | None, configuration: Mapping[str, str]) -> Check:
    name, timeout = "transaction timeout", number_of(job, "transaction_timeout_ms")
    needed = number_of(job, "checkpoint_interval_ms") + int(1000 * restart_seconds(configuration))
    if longest is not None and timeout > longest:
        found = f"{timeout} ms, but the brokers allow {longest} ms: the job cannot open a transaction"
        remedy = f"weir upgrade -- --transaction-timeout-ms {longest}, or raise transaction.max.timeout.ms"
        return Check("error", name, job.job.name, found, remedy)
    if timeout < needed:
        found = f"{timeout} ms, but an interval and a restart take up to {needed} ms: reports are lost"
        remedy = f"weir upgrade -- --transaction-timeout-ms {needed}"
        return Check("error", name, job.job.name, found, remedy)
    return Check("ok", name, job.job.name, f"{timeout} ms; an interval and a restart take up to {needed} ms")


def restart_seconds(configuration: Mapping[str, str]) -> float:
    """Return the longest time from the loss of a TaskManager until the job runs again, in seconds."""
    strategy = configuration.get("restart-strategy.type", DEFAULT_STRATEGY)
    delay = _DELAYS.get(strategy, _DELAYS[DEFAULT_STRATEGY])
    return _seconds(configuration, *_HEARTBEAT) + _seconds(configuration, *delay) + _START_SECONDS


def _seconds(configuration: Mapping[str, str], key: str, default: float) -> float:
    try:
        return seconds_of_flink(configuration[key])
    except (KeyError, ValueError):
        return default
