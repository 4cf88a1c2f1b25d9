"""All targets, and running one of them for a number of inputs."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.database import ExampleDatabase

from tests.fuzz.artifacts import BOOSTERS, MANIFESTS, SAVED
from tests.fuzz.bounds import Target, check_bounds
from tests.fuzz.records import RECORDS, REQUESTS, ROWS
from tests.fuzz.separate_process import SeparateProcess

TARGETS: dict[str, Target] = {**REQUESTS, **ROWS, **RECORDS, **MANIFESTS, **SAVED, **BOOSTERS}


def run(name: str, inputs: int, process: SeparateProcess, database: ExampleDatabase | None = None) -> int:
    """Read this number of inputs; return how many were read.

    Raises BoundError for the first that breaks a bound, made as short as possible. Inputs that did so
    before, as the database remembers, come first.
    """
    count = 0

    @settings(
        max_examples=inputs,
        deadline=None,
        database=database,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.reuse, Phase.generate, Phase.shrink],
    )
    @given(value=TARGETS[name].inputs)
    def read(value: Any) -> None:
        nonlocal count
        count += 1
        if name in BOOSTERS:
            process.check(name, value)
        else:
            check_bounds(TARGETS[name], value)

    read()
    return count
