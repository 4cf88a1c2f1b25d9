"""The verb `weir resume`."""

from __future__ import annotations

from jobs.cli.option_groups import Kafka
from jobs.cli.options import Pipeline
from jobs.releases.resume import resume as end_quarantine


def resume(pipeline: Pipeline, *, kafka: Kafka) -> None:
    """Let a quarantined pipeline serve again, if its requests no longer end or block its process."""
    quarantine = end_quarantine(pipeline, kafka)
    print(
        f"pipeline {pipeline} serves again (generation {quarantine.generation}); it was quarantined because"
    )
    print(quarantine.why)
