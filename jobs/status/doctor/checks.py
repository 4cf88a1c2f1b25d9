"""All checks, in the order in which they are printed."""

from __future__ import annotations

from jobs.status.doctor.check import Check
from jobs.status.doctor.checkpoints import checkpoint_checks
from jobs.status.doctor.clocks import clock_checks
from jobs.status.doctor.evidence import Evidence
from jobs.status.doctor.machine import machine_checks
from jobs.status.doctor.topics import topic_checks
from jobs.status.doctor.transactions import transaction_checks
from jobs.status.doctor.versions import version_checks


def run_checks(evidence: Evidence) -> list[Check]:
    """Return the results of all checks: Kafka, Flink, the jobs, this machine."""
    return [
        *topic_checks(evidence),
        *checkpoint_checks(evidence),
        *transaction_checks(evidence),
        *version_checks(evidence),
        *clock_checks(evidence),
        *machine_checks(evidence),
    ]
