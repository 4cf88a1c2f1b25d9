"""Epochs: the generation since which a batched step's windows are continued.

A new generation often does not change a drift step, for example if only the classifier was retrained. Then
the step's open window is continued. The window ends if its rows or verdict would come from something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from operators.control.documents import pipeline_of
from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.resources.manifests import parse_document
from operators.resources.monitor_schema import Monitor
from operators.resources.pipeline_checks import dependencies


def batched_steps(release: Release) -> list[str]:
    """Return the names of the batched steps; DeploymentError if the release has no valid pipeline."""
    pipeline = pipeline_of(release)
    return [step.name for step in pipeline.spec.steps if step.batch.is_batched]


def next_epochs(release: Release, before: Release | None) -> dict[str, int]:
    """Return the epoch of each batched step: the one in the release before, if nothing changed.

    DeploymentError if the release has no valid pipeline. A release before that has none continues nothing.
    """
    return {
        step: before.epoch(step) if before and _continues(step, before, release) else release.generation
        for step in batched_steps(release)
    }


def _continues(step: str, before: Release, release: Release) -> bool:
    """Return whether a step's windows are made in the same way as in the release before."""
    definition = _definition(release, step)
    try:
        return step in batched_steps(before) and _definition(before, step) == definition
    except DeploymentError:  # a release that another version of Weir wrote
        return False


def removed_steps(releases: Sequence[Release], head: Release | None) -> Iterator[tuple[str, int]]:
    """Yield each batched step that a pipeline's head no longer contains, and the epoch in which it ended.

    `releases` are those up to the head, or all of them if the pipeline was deleted (`head` is None). A
    deleted pipeline is also yielded itself, as a step without a name. The epoch is the generation after the
    last release that contains the step, however many releases without the step follow.
    """
    if releases and head is None:
        yield "", max(map(_generation, releases)) + 1
    last = {step: one.generation for one in sorted(releases, key=_generation) for step in batched_steps(one)}
    current = batched_steps(head) if head else []
    yield from ((step, generation + 1) for step, generation in last.items() if step not in current)


def _generation(release: Release) -> int:
    return release.generation


def _definition(release: Release, step: str) -> Any:
    """Return everything that a step's rows and verdicts depend on."""
    pipeline = pipeline_of(release)
    reads = dependencies(pipeline)
    upstream, waiting = [step], [step]
    while waiting:
        new = [name for name in reads.get(waiting.pop(), []) if name in reads and name not in upstream]
        upstream += new
        waiting += new
    specs = {spec.name: spec for spec in pipeline.spec.steps}
    models = {model["metadata"]["name"]: model["spec"] for model in release.models}
    return (
        pipeline.spec.input,
        {
            name: (specs[name], _model_settings(models[name]), release.artifacts[name].digest)
            for name in upstream
        },
        _rules(release, step),
    )


def _model_settings(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a Model's spec without the place and the memory of its files, which the digest identifies."""
    return {
        key: value for key, value in spec.items() if key not in ("storageUri", "artifactVersion", "memory")
    }


def _rules(release: Release, step: str) -> Any:
    monitor = parse_document(release.monitor) if release.monitor else None
    rules = monitor.rules_of(step) if isinstance(monitor, Monitor) else None
    # Sharding changes how a window is gathered, but neither its rows nor its verdict.
    return msgspec.structs.replace(rules, sharded=False) if rules else None
