"""What one pipeline publishes of its steps: what another one reads, or for a while everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from time import time

from operators.pipeline.inputs import TensorAddress
from operators.pipeline.load import LoadedPipeline


class Taps:
    """The places of each pipeline's steps that are put on the topics of those steps.

    `until` tells for pipelines that somebody looks at, in seconds since 1970, how long all of them are. A
    batched step's outputs are its reports, which the monitor writes.
    """

    def __init__(self, served: Sequence[LoadedPipeline], until: Mapping[str, float]) -> None:
        self._until = until
        # A pipeline that hides fields is looked into by nobody: rows do not say which column is which.
        self._every = {
            one.release.name: set() if one.plan and one.plan.hides else set(_places(one)) for one in served
        }
        there = {one.release.name: set(_places(one)) for one in served}
        self._read: dict[str, set[TensorAddress]] = {one.release.name: set() for one in served}
        for one in served:
            place = one.external.place if one.external else None
            if place and place.step and (place.step, place.side) in there.get(place.pipeline, ()):
                self._read[place.pipeline].add((place.step, place.side))

    def of(self, pipeline: str) -> set[TensorAddress]:
        """Return the places of a pipeline that are wanted now."""
        if self._until.get(pipeline, 0.0) > time():
            return self._every[pipeline] | self._read[pipeline]
        return self._read[pipeline]


def _places(one: LoadedPipeline) -> Iterator[TensorAddress]:
    for planned in one.plan.steps if one.plan else ():
        yield planned.name, "inputs"
        if not planned.batch:
            yield planned.name, "outputs"
