"""The documents of a release: its Pipeline and its Monitor."""

from __future__ import annotations

from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.resources.manifests import parse_document
from operators.resources.monitor_schema import Monitor
from operators.resources.seldon_schema import Pipeline


def pipeline_of(release: Release) -> Pipeline:
    """Return a release's Pipeline; DeploymentError if the release has no valid one."""
    pipeline = parse_document(release.pipeline)
    if not isinstance(pipeline, Pipeline):
        raise DeploymentError(f"release {release.name}/{release.generation}: its pipeline is not a Pipeline")
    return pipeline


def monitor_of(release: Release) -> Monitor | None:
    """Return a release's Monitor, None if it has none; DeploymentError if it is not valid."""
    if release.monitor is None:
        return None
    monitor = parse_document(release.monitor)
    if not isinstance(monitor, Monitor):
        raise DeploymentError(f"release {release.name}/{release.generation}: its monitor is not a Monitor")
    return monitor
