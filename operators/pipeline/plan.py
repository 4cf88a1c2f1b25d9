"""Pipeline → compiled plan over columns: every step in an order in which it finds what it reads."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping
from functools import partial
from graphlib import TopologicalSorter
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.core.errors import Reason, RecordError, describe
from operators.core.redaction import Redaction
from operators.core.tensors import Routed, TensorColumn, Tensors, take
from operators.metrics.tally import Tally
from operators.models.runtimes.batched import ROWS, BatchedStep
from operators.models.runtimes.outlier import ExplainableStep, FlaggedRow
from operators.models.step import InferenceOptions, Step
from operators.pipeline.failure_isolation import Budget, isolate
from operators.pipeline.inputs import Environment, Inputs, TensorAddress, inputs_of, shown
from operators.pipeline.planned_step import PlannedStep, needed_steps, plan_step, read_by_name
from operators.resources.pipeline_checks import dependencies
from operators.resources.seldon_schema import Pipeline

_HIDES_NOTHING = Redaction()
# Of one micro-batch so many flagged rows are told why: a flood of them must not hold up the others.
_MOST_FLAGGED = 100


class WindowVerdict(NamedTuple):
    """The verdict of a batched step's last closed window."""

    is_drift: int
    state: str
    window: int
    closed_at: str


class Part(NamedTuple):
    """Requests of a micro-batch that went the same way through the plan.

    `requests` are positions in the micro-batch; `outputs` the response's tensors, None if the pipeline
    answers nothing; `gathered` rows for each batched step; `tapped` what was asked for besides.
    """

    requests: NDArray[np.intp]
    outputs: Tensors | None
    gathered: dict[str, TensorColumn]
    tapped: Environment


class Outcome(NamedTuple):
    """What became of a micro-batch.

    `monitor_failures` cost no response: for each request the steps that only watch and failed on it.
    `flagged` are flagged rows, each with its step and the request that it is a row of.
    """

    parts: list[Part]
    errors: dict[int, RecordError]
    monitor_failures: dict[int, list[RecordError]]
    flagged: list[tuple[str, int, FlaggedRow]]


class Plan:
    """A pipeline's steps in an order in which each finds what it reads."""

    def __init__(
        self, pipeline: Pipeline, steps: Mapping[str, Step], hides: Redaction = _HIDES_NOTHING
    ) -> None:
        self.name = pipeline.metadata.name
        self.hides = hides
        output = pipeline.spec.output
        self.output = (
            inputs_of(output.steps, output.steps_join, output.tensor_map, self.name) if output else None
        )
        reads = dependencies(pipeline)
        needed = needed_steps(reads, self.output)
        shown = {source.place[0] for source in self.output.sources} if self.output else set()
        specs = {spec.name: spec for spec in pipeline.spec.steps}
        order = [name for name in TopologicalSorter(reads).static_order() if name in specs]
        read = read_by_name(pipeline, self.output)
        self.steps = tuple(
            plan_step(
                specs[name],
                pipeline,
                steps[name],
                needed=name in needed,
                asked=name in shown and not any(name in nodes for nodes in reads.values()),
                read=read.get(name, []),
            )
            for name in order
        )
        self.functions = {name for planned in self.steps if planned.asked for name in planned.step.functions}

    def run(
        self,
        tensors: Tensors,
        options: InferenceOptions,
        flags: Mapping[str, WindowVerdict],
        budget: Budget,
        taps: Collection[TensorAddress] = (),
        tally: Tally | None = None,
    ) -> Outcome:
        """Run a micro-batch of requests that share their signature through every step.

        `taps` are the places whose tensors are wanted besides the response's, `tally` counts what steps do.
        """
        outcome = Outcome([], {}, {}, [])
        requests = np.arange(len(next(iter(tensors.values())).rows))
        walk = _Execution(self, options, flags, budget, taps, tally or Tally(), outcome)
        walk.run_from(0, _Known({(self.name, "inputs"): tensors}, requests, {}))
        return outcome


class _Known(NamedTuple):
    """What is known of some requests so far: tensors by place, rows for each batched step."""

    environment: Environment
    requests: NDArray[np.intp]
    gathered: dict[str, TensorColumn]

    def put(self, place: TensorAddress, tensors: Tensors) -> _Known:
        return self._replace(environment={**self.environment, place: tensors})

    def take(self, positions: NDArray[np.intp]) -> _Known:
        return _Known(
            {place: take(there, positions) for place, there in self.environment.items()},
            self.requests[positions],
            take(self.gathered, positions),
        )


class _Execution(NamedTuple):
    """One run of a plan."""

    plan: Plan
    options: InferenceOptions
    flags: Mapping[str, WindowVerdict]
    budget: Budget
    taps: Collection[TensorAddress]
    tally: Tally
    outcome: Outcome

    def run_from(self, at: int, known: _Known) -> None:
        """Go on from a step; where requests part ways, each part goes on by itself."""
        for number, planned in enumerate(self.plan.steps[at:], start=at):
            try:
                inputs = planned.inputs.read(known.environment)
            except ValueError as error:
                self._drop_failed(planned, number, known, [str(error)] * len(known.requests))
                return
            if not inputs or not planned.triggers.present(known.environment):
                continue
            known = known.put((planned.name, "inputs"), inputs)
            started = perf_counter()
            done = isolate(partial(self._call, planned), inputs, self.budget)
            self.tally.step(planned.name).record_call(_rows(inputs), perf_counter() - started)
            if len(done.parts) == 1 and not done.failures:
                known = self._answered(planned, known, done.parts[0][1])
                continue
            self._branch(planned, number, known, done)
            return
        self._finish(known)

    def _call(self, planned: PlannedStep, inputs: Tensors) -> Tensors | Routed:
        options = self._options(planned)
        if planned.batch and isinstance(planned.step, BatchedStep):
            return planned.step.gather(inputs, options)
        return planned.step.infer(inputs, options)

    def _options(self, planned: PlannedStep) -> InferenceOptions:
        return InferenceOptions(
            self.options.content_type if planned.reads_requests else "",
            self.options.outputs if planned.asked else (),
            planned.besides,
        )

    def _answered(self, planned: PlannedStep, known: _Known, outputs: Tensors) -> _Known:
        self.tally.step(planned.name).record_outputs(outputs, self.plan.hides)
        if isinstance(planned.step, ExplainableStep):
            try:
                self._explain(planned, planned.step, known, outputs)
            except Exception as error:  # why a row was flagged is no reason to lose its answer
                failure = RecordError(Reason.MONITOR_FAILED, describe(error), planned.name)
                for request in known.requests.tolist():
                    self.outcome.monitor_failures.setdefault(request, []).append(failure)
        if planned.batch:
            known = known._replace(gathered={**known.gathered, planned.name: outputs[ROWS]})
            outputs = {name: column for name, column in outputs.items() if name != ROWS} or {
                "is_drift": _flag_column(self.flags.get(planned.name), len(known.requests))
            }
        return known.put((planned.name, "outputs"), outputs)

    def _explain(self, planned: PlannedStep, step: ExplainableStep, known: _Known, outputs: Tensors) -> None:
        room = _MOST_FLAGGED - len(self.outcome.flagged)
        bounds = outputs["is_outlier"].bounds() if "is_outlier" in outputs else [0]
        rows = step.explain(known.environment[planned.name, "inputs"], outputs, self._options(planned), room)
        for one in rows:
            request = bisect_right(bounds, one.row) - 1
            here = one._replace(row=one.row - bounds[request])
            self.outcome.flagged.append((planned.name, int(known.requests[request]), here))

    def _branch(self, planned: PlannedStep, number: int, known: _Known, done: Routed) -> None:
        for answered, outputs in done.parts:
            self.run_from(number + 1, self._answered(planned, known.take(answered), outputs))
        if done.failures:
            lost = sorted(done.failures)
            messages = [done.failures[position] for position in lost]
            self._drop_failed(planned, number, known.take(np.array(lost, dtype=np.intp)), messages)

    def _drop_failed(self, planned: PlannedStep, number: int, known: _Known, messages: list[str]) -> None:
        """Give up the requests that a step failed on, or go on without it where it only watches."""
        watches = planned.step.monitor and not planned.needed
        for request, message in zip(known.requests.tolist(), messages, strict=True):
            if watches:
                failures = self.outcome.monitor_failures.setdefault(request, [])
                failures.append(RecordError(Reason.MONITOR_FAILED, message, planned.name))
            else:
                self.outcome.errors[request] = RecordError(Reason.STEP_FAILED, message, planned.name)
        if watches:
            self.run_from(number + 1, known)

    def _finish(self, known: _Known) -> None:
        output = self.plan.output
        try:
            outputs = output.read(known.environment) if output else None
        except ValueError as error:
            self._fail(known.requests, Reason.NO_OUTPUT, str(error))
            return
        there = self.plan.functions | (outputs or {}).keys()
        unknown = set(self.options.outputs) - there
        if output and not outputs:
            self._fail(known.requests, Reason.NO_OUTPUT, _nothing(output, known.environment))
        elif unknown:
            names = ", ".join(sorted(there))
            self._fail(
                known.requests, Reason.BAD_REQUEST, f"outputs asks for {min(unknown)!r}; there are {names}"
            )
        else:
            places = known.environment
            tapped = {place: shown(places[place]) for place in self.taps if place in places}
            self.outcome.parts.append(Part(known.requests, outputs, known.gathered, tapped))

    def _fail(self, requests: NDArray[np.intp], reason: Reason, message: str) -> None:
        self.outcome.errors.update(dict.fromkeys(requests.tolist(), RecordError(reason, message)))


def _rows(inputs: Tensors) -> int:
    return int(next(iter(inputs.values())).rows.sum())


def _nothing(output: Inputs, environment: Environment) -> str:
    absent = [str(source) for source in output.sources if not source.is_present(environment)]
    message = f"nothing to answer with: {'; '.join(absent)} gave no tensor"
    if len(absent) == len(output.sources):
        return message
    return f"{message}, and spec.output.stepsJoin is inner: with outer the others would answer"


def _flag_column(flag: WindowVerdict | None, requests: int) -> TensorColumn:
    flag = flag or WindowVerdict(0, "INSUFFICIENT_DATA", 0, "")
    parameters: dict[str, object] = {"state": flag.state, "window": flag.window}
    if flag.closed_at:
        parameters["closed_at"] = flag.closed_at
    each = np.ones(requests, dtype=np.int64)
    return TensorColumn(np.full((requests, 1), flag.is_drift, dtype=np.int64), each, parameters=parameters)
