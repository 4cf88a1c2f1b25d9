"""Checks of pipelines that read each other's topics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from jobs.kafka.admin import existing_topics
from operators.control.release import Release
from operators.kafka.brokers import Brokers
from operators.resources.references import External, parse_external


def missing_sources(releases: Sequence[Release], live: Sequence[Release], brokers: Brokers) -> Iterator[str]:
    """Yield an error for each external input of which neither the pipeline nor the topic exists."""
    reading = [release for release in releases if release.external_topic]
    if not reading:
        return
    pipelines = {release.name for release in (*releases, *live)}
    topics = set(existing_topics(brokers))
    for release in reading:
        other = _external(release).pipeline
        if other not in pipelines and release.external_topic not in topics:
            yield (
                f"pipeline {release.name}: spec.input.externalInputs: no pipeline {other} was applied and "
                f"there is no topic {release.external_topic}; apply {other} too, or set --prefix and "
                "--namespace to those of its job"
            )


def external_places(releases: Sequence[Release]) -> dict[str, External | None]:
    """Return the external input of each pipeline; the later release of a name wins."""
    return {release.name: _external(release) if release.external_topic else None for release in releases}


def cycles(places: Mapping[str, External | None]) -> Iterator[str]:
    """Yield an error for pipelines that would answer each other without end.

    To read another pipeline's requests closes no cycle: records of an external input are not added to them.
    """
    reads = {
        name: [place.pipeline] if place and (place.step or place.side == "outputs") else []
        for name, place in places.items()
    }
    try:
        TopologicalSorter(reads).prepare()
    except CycleError as error:
        cycle = " → ".join(error.args[1])
        yield f"spec.input.externalInputs: these pipelines would answer each other without end: {cycle}"


def _external(release: Release) -> External:
    return parse_external(release.pipeline["spec"]["input"]["externalInputs"][0])
