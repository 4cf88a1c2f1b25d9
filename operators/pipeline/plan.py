"""Running a compiled plan on the requests of a micro-batch."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping
from functools import partial
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.core.errors import Reason, RecordError, describe
from operators.core.redaction import Redaction
from operators.core.tensors import Routed, TensorColumn, Tensors, take
from operators.metrics.tally import Tally
from operators.models.runtimes.batched import ROWS, BatchedStep, WindowVerdict
from operators.models.runtimes.outlier import ExplainableStep, FlaggedRow
from operators.models.step import InferenceOptions
from operators.pipeline.failure_isolation import Budget, isolate
from operators.pipeline.inputs import Environment, Inputs, TensorAddress, shown
from operators.pipeline.planned_step import PlannedStep

# At most this many flagged rows of a micro-batch are explained, so that many outliers do not delay others.
_MAX_EXPLAINED = 100


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


class Plan(NamedTuple):
    """A pipeline's steps in topological order, ready to run.

    `output` is None if the pipeline has no response. `functions` are the functions that a request's `outputs`
    may name. `redaction` contains the features that the pipeline's Monitor hides.
    """

    name: str
    steps: tuple[PlannedStep, ...]
    output: Inputs | None
    functions: frozenset[str]
    redaction: Redaction

    def run(
        self,
        tensors: Tensors,
        options: InferenceOptions,
        flags: Mapping[str, WindowVerdict],
        budget: Budget,
        taps: Collection[TensorAddress] = (),
        tally: Tally | None = None,
        on_call: Callable[[str, int], None] = lambda step, requests: None,
    ) -> Outcome:
        """Run requests with the same signature through all steps.

        `flags` are the verdicts of the batched steps, by step. `taps` are the addresses whose tensors the
        outcome contains as `tapped`. The counts of steps are added to `tally`. `on_call` receives the step
        and the number of requests before each call of a step.
        """
        outcome = Outcome([], {}, {}, [])
        execution = _Execution(self, options, flags, budget, taps, tally or Tally(), on_call, outcome)
        requests = np.arange(len(next(iter(tensors.values())).rows))
        pending = [_Branch(0, _Progress({(self.name, "inputs"): tensors}, requests, {}))]
        while pending:
            pending += reversed(execution.run_branch(pending.pop()))
        return execution.outcome


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


class _Branch(NamedTuple):
    """Requests that continue with step `start`. `answer` are the outputs of the step before, to be recorded.

    If the step before split the requests, `positions` are those of this branch.
    """

    start: int
    progress: _Progress
    positions: NDArray[np.intp] | None = None
    answer: Tensors | None = None


class _Execution(NamedTuple):
    """One run of a plan over requests with the same signature; results are added to `outcome`."""

    plan: Plan
    options: InferenceOptions
    flags: Mapping[str, WindowVerdict]
    budget: Budget
    taps: Collection[TensorAddress]
    tally: Tally
    on_call: Callable[[str, int], None]
    outcome: Outcome

    def run_branch(self, branch: _Branch) -> list[_Branch]:
        """Run the steps until a step splits the requests. Return the branches that remain to be run."""
        progress, steps = branch.progress, self.plan.steps
        if branch.positions is not None:
            progress = progress.take(branch.positions)
        if branch.answer is not None:
            progress = self._record_answer(steps[branch.start - 1], progress, branch.answer)
        for number, planned in enumerate(steps[branch.start :], start=branch.start):
            try:
                inputs = planned.inputs.read(progress.environment)
            except ValueError as error:
                return self._drop_failed(number, progress, [str(error)] * len(progress.requests))
            if not inputs or not planned.triggers.is_present(progress.environment):
                continue
            progress = progress.put((planned.name, "inputs"), inputs)
            started = perf_counter()
            answer = isolate(partial(self._call, planned), inputs, self.budget)
            self.tally.step(planned.name).record_call(_rows(inputs), perf_counter() - started)
            if len(answer.parts) != 1 or answer.failures:
                return self._split(number, progress, answer)
            progress = self._record_answer(planned, progress, answer.parts[0][1])
        self._finish(progress)
        return []

    def _call(self, planned: PlannedStep, inputs: Tensors) -> Tensors | Routed:
        self.on_call(planned.name, len(next(iter(inputs.values())).rows))
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
        self.on_call(planned.name, len(progress.requests))
        room = _MAX_EXPLAINED - len(self.outcome.flagged)
        bounds = outputs["is_outlier"].bounds() if "is_outlier" in outputs else [0]
        rows = step.explain(
            progress.environment[planned.name, "inputs"], outputs, self._options(planned), room
        )
        for row in rows:
            request = bisect_right(bounds, row.row) - 1
            row_of_request = row._replace(row=row.row - bounds[request])
            self.outcome.flagged.append((planned.name, int(progress.requests[request]), row_of_request))

    def _split(self, number: int, progress: _Progress, answer: Routed) -> list[_Branch]:
        """Return a branch for each part of a step's answer, and drop the requests on which it failed."""
        branches = [_Branch(number + 1, progress, positions, outputs) for positions, outputs in answer.parts]
        failed = sorted(answer.failures)
        if failed:
            messages = [answer.failures[position] for position in failed]
            remaining = progress.take(np.array(failed, dtype=np.intp))
            branches += self._drop_failed(number, remaining, messages)
        return branches

    def _drop_failed(self, number: int, progress: _Progress, messages: list[str]) -> list[_Branch]:
        """Fail the requests on which a step failed. If the step only watches, they continue without it."""
        planned = self.plan.steps[number]
        only_watches = planned.step.monitor and not planned.is_needed
        for request, message in zip(progress.requests.tolist(), messages, strict=True):
            if only_watches:
                failures = self.outcome.monitor_failures.setdefault(request, [])
                failures.append(RecordError(Reason.MONITOR_FAILED, message, planned.name))
            else:
                self.outcome.errors[request] = RecordError(Reason.STEP_FAILED, message, planned.name)
        return [_Branch(number + 1, progress)] if only_watches else []

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
