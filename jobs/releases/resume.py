"""`weir resume`: lets a quarantined pipeline serve again."""

from __future__ import annotations

from jobs.releases.publish import Record, publish
from operators.control.control_state import ControlState
from operators.control.release import Quarantine
from operators.core.errors import DeploymentError, does_not_exist
from operators.kafka.connection import Connection


def resume(pipeline: str, connection: Connection) -> Quarantine:
    """End a pipeline's quarantine and return it; DeploymentError if the pipeline is not quarantined."""

    def decide(control: ControlState) -> tuple[list[Record], Quarantine]:
        if pipeline not in control.heads:
            raise DeploymentError(does_not_exist(f"pipeline {pipeline}", control.heads))
        quarantine = control.quarantine(pipeline)
        if quarantine is None:
            raise DeploymentError(f"pipeline {pipeline} is not quarantined")
        return [end_of_quarantine(pipeline)], quarantine

    return publish(connection, decide)


def end_of_quarantine(pipeline: str) -> Record:
    """Return the record that ends a pipeline's quarantine."""
    return Record(f"quarantine/{pipeline}", None)
