"""Taps: the inputs and outputs of a pipeline's steps that are published on the topics of those steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from time import time

from operators.pipeline.inputs import TensorAddress
from operators.pipeline.load import LoadedPipeline


class Taps:
    """The addresses of each pipeline that are published: those that another pipeline reads, or all.

    `until` maps a pipeline to the Unix time until which all inputs and outputs of its steps are published.
    The outputs of a batched step are its reports, which the monitor publishes.
    """

    def __init__(self, served: Sequence[LoadedPipeline], until: Mapping[str, float]) -> None:
        self._until = until
        existing = {pipeline.release.name: set(_addresses(pipeline)) for pipeline in served}
        # Never tap all of a pipeline that redacts fields: rows have no column names to redact by.
        redacting = {one.release.name for one in served if one.plan and one.plan.redaction}
        self._all = {name: set() if name in redacting else addresses for name, addresses in existing.items()}
        self._read: dict[str, set[TensorAddress]] = {name: set() for name in existing}
        for pipeline in served:
            place = pipeline.external.place if pipeline.external else None
            if place and place.step and (place.step, place.side) in existing.get(place.pipeline, ()):
                self._read[place.pipeline].add((place.step, place.side))

    def of(self, pipeline: str) -> set[TensorAddress]:
        """Return the addresses of a pipeline that are published now."""
        if self._until.get(pipeline, 0.0) > time():
            return self._all[pipeline] | self._read[pipeline]
        return self._read[pipeline]


def _addresses(pipeline: LoadedPipeline) -> Iterator[TensorAddress]:
    for planned in pipeline.plan.steps if pipeline.plan else ():
        yield planned.name, "inputs"
        if not planned.batch:
            yield planned.name, "outputs"
