"""Pipeline → compiled plan over columns: its steps in topological order."""

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

_NO_REDACTION = Redaction()
# At most this many flagged rows of a micro-batch are explained, so that many outliers do not delay others.
_MAX_EXPLAINED = 100


class WindowVerdict(NamedTuple):
    """The verdict of a batched step's last closed window."""

    is_drift: int
    state: str
    window: int
    closed_at: str


class Part(NamedTuple):
    """Requests of a micro-batch that took the same path through the plan.

    `requests` are positions in the micro-batch. `outputs` are the response's tensors, None if the pipeline
    has no response. `gathered` contains rows by batched step, `tapped` the tensors of the requested taps.
    """

    requests: NDArray[np.intp]
    outputs: Tensors | None
    gathered: dict[str, TensorColumn]
    tapped: Environment


class Outcome(NamedTuple):
    """The result of a micro-batch: responses in `parts`, and `errors` by request.

    `monitor_failures` are the failures, by request, of steps that only watch; they do not affect responses.
    `flagged` contains flagged rows, each with its step and its request. Requests are positions in the
    micro-batch.
    """

    parts: list[Part]
    errors: dict[int, RecordError]
    monitor_failures: dict[int, list[RecordError]]
    flagged: list[tuple[str, int, FlaggedRow]]


class Plan:
    """A pipeline's steps in topological order.

    `output` is None if the pipeline has no response. `redaction` contains the features that its Monitor
    hides, `functions` the functions that a request's `outputs` may name.
    """

    def __init__(
        self, pipeline: Pipeline, steps: Mapping[str, Step], redaction: Redaction = _NO_REDACTION
    ) -> None:
        self.name = pipeline.metadata.name
        self.redaction = redaction
        output = pipeline.spec.output
        self.output = (
            inputs_of(output.steps, output.steps_join, output.tensor_map, self.name) if output else None
        )
        reads = dependencies(pipeline)
        needed = needed_steps(reads, self.output)
        read_by_steps = {node for nodes in reads.values() for node in nodes}
        answering = {source.address[0] for source in self.output.sources} if self.output else set()
        specs = {spec.name: spec for spec in pipeline.spec.steps}
        order = [name for name in TopologicalSorter(reads).static_order() if name in specs]
        named_tensors = read_by_name(pipeline, self.output)
        self.steps = tuple(
            plan_step(
                specs[name],
                pipeline,
                steps[name],
                is_needed=name in needed,
                uses_requested_outputs=name in answering and name not in read_by_steps,
                read=named_tensors.get(name, []),
            )
            for name in order
        )
        requestable = [planned.step for planned in self.steps if planned.uses_requested_outputs]
        self.functions = {name for step in requestable for name in step.functions}

    def run(
        self,
        tensors: Tensors,
        options: InferenceOptions,
        flags: Mapping[str, WindowVerdict],
        budget: Budget,
        taps: Collection[TensorAddress] = (),
        tally: Tally | None = None,
    ) -> Outcome:
        """Run requests with the same signature through all steps.

        `flags` are the verdicts of the batched steps, by step. `taps` are the addresses whose tensors the
        outcome contains as `tapped`. The counts of steps are added to `tally`.
        """
        outcome = Outcome([], {}, {}, [])
        requests = np.arange(len(next(iter(tensors.values())).rows))
        execution = _Execution(self, options, flags, budget, taps, tally or Tally(), outcome)
        execution.run_from(0, _Progress({(self.name, "inputs"): tensors}, requests, {}))
        return outcome


class _Progress(NamedTuple):
    """The intermediate results of requests: tensors by address, and rows by batched step."""

    environment: Environment
    requests: NDArray[np.intp]
    gathered: dict[str, TensorColumn]

    def put(self, address: TensorAddress, tensors: Tensors) -> _Progress:
        return self._replace(environment={**self.environment, address: tensors})

    def take(self, positions: NDArray[np.intp]) -> _Progress:
        return _Progress(
            {address: take(tensors, positions) for address, tensors in self.environment.items()},
            self.requests[positions],
            take(self.gathered, positions),
        )


class _Execution(NamedTuple):
    """One run of a plan over requests with the same signature; results are added to `outcome`."""

    plan: Plan
    options: InferenceOptions
    flags: Mapping[str, WindowVerdict]
    budget: Budget
    taps: Collection[TensorAddress]
    tally: Tally
    outcome: Outcome

    def run_from(self, start: int, progress: _Progress) -> None:
        """Run the steps from position `start`. After a step that splits the requests, run each part alone."""
        for number, planned in enumerate(self.plan.steps[start:], start=start):
            try:
                inputs = planned.inputs.read(progress.environment)
            except ValueError as error:
                self._drop_failed(planned, number, progress, [str(error)] * len(progress.requests))
                return
            if not inputs or not planned.triggers.is_present(progress.environment):
                continue
            progress = progress.put((planned.name, "inputs"), inputs)
            started = perf_counter()
            answer = isolate(partial(self._call, planned), inputs, self.budget)
            self.tally.step(planned.name).record_call(_rows(inputs), perf_counter() - started)
            if len(answer.parts) == 1 and not answer.failures:
                progress = self._record_answer(planned, progress, answer.parts[0][1])
                continue
            self._branch(planned, number, progress, answer)
            return
        self._finish(progress)

    def _call(self, planned: PlannedStep, inputs: Tensors) -> Tensors | Routed:
        options = self._options(planned)
        if planned.batch and isinstance(planned.step, BatchedStep):
            return planned.step.gather(inputs, options)
        return planned.step.infer(inputs, options)

    def _options(self, planned: PlannedStep) -> InferenceOptions:
        return InferenceOptions(
            self.options.content_type if planned.reads_requests else "",
            self.options.outputs if planned.uses_requested_outputs else (),
            planned.required,
        )

    def _record_answer(self, planned: PlannedStep, progress: _Progress, outputs: Tensors) -> _Progress:
        self.tally.step(planned.name).record_outputs(outputs, self.plan.redaction)
        if isinstance(planned.step, ExplainableStep):
            try:
                self._explain(planned, planned.step, progress, outputs)
            except Exception as error:  # a failed explanation must not affect the response
                failure = RecordError(Reason.MONITOR_FAILED, describe(error), planned.name)
                for request in progress.requests.tolist():
                    self.outcome.monitor_failures.setdefault(request, []).append(failure)
        if planned.batch:
            progress = progress._replace(gathered={**progress.gathered, planned.name: outputs[ROWS]})
            outputs = {name: column for name, column in outputs.items() if name != ROWS} or {
                "is_drift": _flag_column(self.flags.get(planned.name), len(progress.requests))
            }
        return progress.put((planned.name, "outputs"), outputs)

    def _explain(
        self, planned: PlannedStep, step: ExplainableStep, progress: _Progress, outputs: Tensors
    ) -> None:
        room = _MAX_EXPLAINED - len(self.outcome.flagged)
        bounds = outputs["is_outlier"].bounds() if "is_outlier" in outputs else [0]
        rows = step.explain(
            progress.environment[planned.name, "inputs"], outputs, self._options(planned), room
        )
        for row in rows:
            request = bisect_right(bounds, row.row) - 1
            row_of_request = row._replace(row=row.row - bounds[request])
            self.outcome.flagged.append((planned.name, int(progress.requests[request]), row_of_request))

    def _branch(self, planned: PlannedStep, number: int, progress: _Progress, answer: Routed) -> None:
        for answered, outputs in answer.parts:
            self.run_from(number + 1, self._record_answer(planned, progress.take(answered), outputs))
        if answer.failures:
            failed = sorted(answer.failures)
            messages = [answer.failures[position] for position in failed]
            self._drop_failed(planned, number, progress.take(np.array(failed, dtype=np.intp)), messages)

    def _drop_failed(
        self, planned: PlannedStep, number: int, progress: _Progress, messages: list[str]
    ) -> None:
        """Fail the requests on which a step failed; if the step only watches, continue without it."""
        only_watches = planned.step.monitor and not planned.is_needed
        for request, message in zip(progress.requests.tolist(), messages, strict=True):
            if only_watches:
                failures = self.outcome.monitor_failures.setdefault(request, [])
                failures.append(RecordError(Reason.MONITOR_FAILED, message, planned.name))
            else:
                self.outcome.errors[request] = RecordError(Reason.STEP_FAILED, message, planned.name)
        if only_watches:
            self.run_from(number + 1, progress)

    def _finish(self, progress: _Progress) -> None:
        output = self.plan.output
        try:
            outputs = output.read(progress.environment) if output else None
        except ValueError as error:
            self._fail(progress.requests, Reason.NO_OUTPUT, str(error))
            return
        existing = self.plan.functions | (outputs or {}).keys()
        unknown = set(self.options.outputs) - existing
        if output and not outputs:
            self._fail(progress.requests, Reason.NO_OUTPUT, _no_output(output, progress.environment))
        elif unknown:
            names = ", ".join(sorted(existing))
            self._fail(
                progress.requests,
                Reason.BAD_REQUEST,
                f"outputs: {min(unknown)!r} does not exist; available are {names}",
            )
        else:
            environment = progress.environment
            tapped = {address: shown(environment[address]) for address in self.taps if address in environment}
            self.outcome.parts.append(Part(progress.requests, outputs, progress.gathered, tapped))

    def _fail(self, requests: NDArray[np.intp], reason: Reason, message: str) -> None:
        self.outcome.errors.update(dict.fromkeys(requests.tolist(), RecordError(reason, message)))


def _rows(inputs: Tensors) -> int:
    return int(next(iter(inputs.values())).rows.sum())


def _no_output(output: Inputs, environment: Environment) -> str:
    absent = [str(source) for source in output.sources if not source.is_present(environment)]
    message = f"no outputs for the response: {'; '.join(absent)} returned no tensor"
    if len(absent) == len(output.sources):
        return message
    return f"{message}, and spec.output.stepsJoin is inner; set it to outer to respond with the other outputs"


def _flag_column(flag: WindowVerdict | None, requests: int) -> TensorColumn:
    flag = flag or WindowVerdict(0, "INSUFFICIENT_DATA", 0, "")
    parameters: dict[str, object] = {"state": flag.state, "window": flag.window}
    if flag.closed_at:
        parameters["closed_at"] = flag.closed_at
    each = np.ones(requests, dtype=np.int64)
    return TensorColumn(np.full((requests, 1), flag.is_drift, dtype=np.int64), each, parameters=parameters)
