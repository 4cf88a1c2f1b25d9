"""What one pipeline publishes of its steps because another one reads it."""

from __future__ import annotations

from collections.abc import Sequence

from operators.serving import Served
from operators.sources import Place


def tapped_places(served: Sequence[Served]) -> dict[str, set[Place]]:
    """For each pipeline, the places of its steps that other live pipelines read.

    A batched step's outputs are its reports, which the monitor writes.
    """
    taps: dict[str, set[Place]] = {one.release.name: set() for one in served}
    batched = {
        (one.release.name, planned.name)
        for one in served
        for planned in (one.plan.steps if one.plan else ())
        if planned.batch
    }
    for one in served:
        if one.external and one.external.place.step and one.external.place.pipeline in taps:
            place = one.external.place
            if place.side == "inputs" or (place.pipeline, place.step) not in batched:
                taps[place.pipeline].add((one.external.place.step, place.side))
    return taps
