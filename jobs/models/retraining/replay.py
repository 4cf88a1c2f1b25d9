"""Running recent requests through a live pipeline to collect the rows that its monitors read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jobs.data.usable_numbers import Rows, usable
from operators.core.errors import DeploymentError, RecordError
from operators.core.tensors import Array, Tensors
from operators.models.runtimes.data_quality import DataQualityModel
from operators.models.runtimes.drift import DriftModel
from operators.models.runtimes.outlier import OutlierModel
from operators.models.step import InferenceOptions
from operators.pipeline.failure_isolation import Budget
from operators.pipeline.load import LoadedPipeline
from operators.pipeline.plan import Outcome, Part
from operators.pipeline.planned_step import PlannedStep
from operators.protocol.batching import Signature, signature, to_columns
from operators.protocol.decode import decode_request
from operators.protocol.request import Request

Monitor = DriftModel | OutlierModel | DataQualityModel
_MONITORS = (DriftModel, OutlierModel, DataQualityModel)
# Requests that run together, like a micro-batch of the job.
_BATCH_SIZE = 2_000
_NOTHING: Mapping[str, int] = {}
# The number of a request, and its values of each column.
_Piece = tuple[int, list[Array]]


class MonitorInput(NamedTuple):
    """A monitor of a pipeline and the values that it read from recent requests, in the order of the requests.

    `columns` contains an array of shape (rows,) for each column. `refused` counts, by reason, the requests
    that the monitor could not read.
    """

    name: str
    step: Monitor
    window: int
    columns: list[Array]
    refused: Mapping[str, int] = _NOTHING

    @property
    def read(self) -> Rows:
        """The values as numbers, shape (rows, columns)."""
        return np.column_stack(self.columns).astype(np.float64)

    @property
    def rows(self) -> Rows:
        """The values as numbers, with NaN in place of unusable values, shape (rows, columns)."""
        return usable(self.read)


def replay(served: LoadedPipeline, values: Sequence[bytes]) -> list[MonitorInput]:
    """Run requests, oldest first, through a pipeline; return what its monitors read of answered requests.

    DeploymentError if no monitor read any request.
    """
    plan = served.plan
    if plan is None:
        raise DeploymentError(f"pipeline {served.release.name} cannot run: {served.failure}")
    monitors = [planned for planned in plan.steps if isinstance(planned.step, _MONITORS)]
    pieces: dict[str, list[_Piece]] = {one.name: [] for one in monitors}
    refused: dict[str, Counter[str]] = {one.name: Counter() for one in monitors}
    for numbers, requests in _groups(list(_decoded(values))):
        tensors, errors = to_columns(requests)
        kept = [number for position, number in enumerate(numbers) if position not in errors]
        options = InferenceOptions(requests[0].content_type)
        places = {(one.name, "inputs") for one in monitors}
        if not kept:
            continue
        outcome = plan.run(tensors, options, {}, Budget(), places)  # type: ignore[arg-type]
        _refusals(outcome, refused)
        for part in outcome.parts:
            part_numbers = [kept[position] for position in part.requests.tolist()]
            for planned in monitors:
                pieces[planned.name] += list(_pieces(planned, part, options, part_numbers))
    inputs = [
        MonitorInput(
            planned.name,
            planned.step,  # type: ignore[arg-type]
            planned.batch.size if planned.batch else 0,
            _in_order(pieces[planned.name]),
            refused[planned.name],
        )
        for planned in monitors
        if pieces[planned.name]
    ]
    if not inputs:
        why = "".join(
            f"; {name}: {reason} ({times:,})"
            for name, reasons in refused.items()
            for reason, times in reasons.items()
        )
        raise DeploymentError(
            f"no monitor of pipeline {plan.name} read any of the {len(values)} requests{why}"
        )
    return inputs


def _decoded(values: Sequence[bytes]) -> Iterator[tuple[int, Request]]:
    for number, value in enumerate(values):
        try:
            yield number, decode_request(value, None)
        except RecordError:
            continue


def _groups(requests: list[tuple[int, Request]]) -> Iterator[tuple[list[int], list[Request]]]:
    """Group requests that can run together, at most `_BATCH_SIZE` in a group."""
    by_signature: dict[Signature, list[tuple[int, Request]]] = {}
    for number, request in requests:
        by_signature.setdefault(signature(request), []).append((number, request))
    for members in by_signature.values():
        for start in range(0, len(members), _BATCH_SIZE):
            numbers, group = zip(*members[start : start + _BATCH_SIZE], strict=True)
            yield list(numbers), list(group)


def _pieces(
    planned: PlannedStep, part: Part, options: InferenceOptions, request_numbers: list[int]
) -> Iterator[_Piece]:
    """Yield the number of each request and the values that a monitor read from it."""
    tensors = part.tapped.get((planned.name, "inputs"))
    if not tensors:
        return
    try:
        columns, rows = _read(
            planned.step, tensors, options if planned.reads_requests else InferenceOptions()
        )
    except ValueError:
        return
    bounds = [0, *np.cumsum(rows).tolist()]
    for number, start, stop in zip(request_numbers, bounds, bounds[1:], strict=False):
        yield number, [column[start:stop] for column in columns]


def _refusals(outcome: Outcome, refused: dict[str, Counter[str]]) -> None:
    """Count, by reason, requests that were not answered and requests that a monitor could not read."""
    for error in outcome.errors.values():
        for counts in refused.values():
            counts[error.message] += 1
    for failures in outcome.monitor_failures.values():
        for failure in failures:
            if failure.step in refused:
                refused[failure.step][failure.message] += 1


def _read(step: Any, tensors: Tensors, options: InferenceOptions) -> tuple[list[Array], NDArray[np.int64]]:
    if isinstance(step, DataQualityModel):
        return step.columns(tensors, options)
    column = step.rows(tensors, options)
    return list(column.data.T), column.rows


def _in_order(pieces: list[tuple[int, list[Array]]]) -> list[Array]:
    ordered = [columns for _, columns in sorted(pieces, key=lambda piece: piece[0])]
    return [np.concatenate(column) for column in zip(*ordered, strict=True)]
