"""Pipelines that read each other: what must hold before they go live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from jobs.kafka.admin import existing_topics
from operators.control.release import Release
from operators.resources.references import External, parse_external


def sources_missing(releases: Sequence[Release], live: Sequence[Release], bootstrap: str) -> Iterator[str]:
    """Yield external inputs that nobody writes: no such pipeline, and no such topic."""
    reading = [release for release in releases if release.external_topic]
    if not reading:
        return
    known = {release.name for release in (*releases, *live)}
    there = set(existing_topics(bootstrap))
    for release in reading:
        other = _external(release).pipeline
        if other not in known and release.external_topic not in there:
            yield (
                f"pipeline {release.name}: spec.input.externalInputs: no pipeline {other} was applied and "
                f"there is no topic {release.external_topic}; apply {other} too, or set --prefix and "
                "--namespace to where it runs"
            )


def external_places(releases: Sequence[Release]) -> dict[str, External | None]:
    """Return what each pipeline reads besides its own requests; of two of one name, the later."""
    return {one.name: _external(one) if one.external_topic else None for one in releases}


def cycles(places: Mapping[str, External | None]) -> Iterator[str]:
    """Yield pipelines that would answer each other without end.

    A pipeline's own requests do not count: what it reads besides is not put among them.
    """
    reads = {
        name: [place.pipeline] if place and (place.step or place.side == "outputs") else []
        for name, place in places.items()
    }
    try:
        TopologicalSorter(reads).prepare()
    except CycleError as error:
        circle = " → ".join(error.args[1])
        yield f"spec.input.externalInputs: these pipelines would answer each other without end: {circle}"


def _external(release: Release) -> External:
    return parse_external(release.pipeline["spec"]["input"]["externalInputs"][0])
