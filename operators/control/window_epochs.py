"""Epochs: since which generation a batched step's windows have been made in the same way.

A new generation often leaves a drift step as it was, for example when only the classifier was retrained;
then its open window goes on. It ends where rows or verdicts would come from something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from operators.control.documents import pipeline_of
from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.resources.manifests import parse_document
from operators.resources.monitor_schema import Monitor
from operators.resources.pipeline_checks import dependencies


def batched_steps(release: Release) -> list[str]:
    """Name the steps of a release that gather rows; DeploymentError for one that holds no pipeline."""
    pipeline = pipeline_of(release)
    return [step.name for step in pipeline.spec.steps if step.batch.gathers]


def next_epochs(release: Release, before: Release | None) -> dict[str, int]:
    """Return the epoch of each batched step, that of the release before where nothing changed.

    DeploymentError where the release holds no pipeline; one before that holds none went on with nothing.
    """
    return {
        step: before.epoch(step) if before and _continues(step, before, release) else release.generation
        for step in batched_steps(release)
    }


def _continues(step: str, before: Release, release: Release) -> bool:
    """Tell whether a step's windows are made in the same way as in the release before."""
    own = _definition(release, step)
    try:
        return step in batched_steps(before) and _definition(before, step) == own
    except DeploymentError:  # a release of another version
        return False


def ended(releases: Sequence[Release], head: Release | None) -> Iterator[tuple[str, int]]:
    """Yield each batched step of a pipeline's earlier releases that its head has no more, and its last epoch.

    `releases` are those up to the head, or all of them where the pipeline was deleted: then the pipeline, a
    step without a name, has ended too. What comes after the last release with the step is one epoch, however
    many releases that are without it follow.
    """
    if releases and head is None:
        yield "", max(map(_generation, releases)) + 1
    last = {step: one.generation for one in sorted(releases, key=_generation) for step in batched_steps(one)}
    there = batched_steps(head) if head else []
    yield from ((step, generation + 1) for step, generation in last.items() if step not in there)


def _generation(release: Release) -> int:
    return release.generation


def _definition(release: Release, step: str) -> Any:
    """Return everything that a step's rows and verdicts come from."""
    pipeline = pipeline_of(release)
    reads = dependencies(pipeline)
    upstream, waiting = [step], [step]
    while waiting:
        found = [name for name in reads.get(waiting.pop(), []) if name in reads and name not in upstream]
        upstream += found
        waiting += found
    specs = {one.name: one for one in pipeline.spec.steps}
    models = {model["metadata"]["name"]: model["spec"] for model in release.models}
    return (
        pipeline.spec.input,
        {name: (specs[name], _what_runs(models[name]), release.artifacts[name].digest) for name in upstream},
        _rules(release, step),
    )


def _what_runs(spec: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a Model where its files lie and what it may take: its digest says what they are."""
    return {
        key: value for key, value in spec.items() if key not in ("storageUri", "artifactVersion", "memory")
    }


def _rules(release: Release, step: str) -> Any:
    monitor = parse_document(release.monitor) if release.monitor else None
    return monitor.rules_of(step) if isinstance(monitor, Monitor) else None
