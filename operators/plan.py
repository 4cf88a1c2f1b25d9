"""Pipeline → compiled plan over columns: who reads which tensors of whom, under which names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from graphlib import TopologicalSorter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.columns import Column, Tensors, take
from operators.errors import DeploymentError, Reason, RecordError
from operators.isolation import Budget, isolate
from operators.resources.checks import dependencies
from operators.resources.references import Reference, Side, parse_reference
from operators.resources.schema import Pipeline
from operators.resources.schema import Step as StepSpec
from operators.steps import Step
from operators.steps.detect_drift import DetectDrift

Place = tuple[str, Side]
Environment = dict[Place, Tensors]


class Source(NamedTuple):
    """Tensors that are read from one place; `tensors` None means all of them."""

    place: Place
    tensors: tuple[str, ...] | None
    renamed: Mapping[str, str]

    def read(self, environment: Environment) -> Tensors:
        """Select and rename what is there; a tensor that is not there is left out."""
        here = environment.get(self.place, {})
        wanted = here if self.tensors is None else [name for name in self.tensors if name in here]
        return {self.renamed.get(name, name): here[name] for name in wanted}


class PlannedStep(NamedTuple):
    """A step with its sources. A batched step gathers rows for windows of `window` rows (0: no batch).

    `needed` says whether the response depends on it: then its failure costs the response.
    """

    name: str
    sources: tuple[Source, ...]
    step: Step
    window: int
    needed: bool
    reads_requests: bool


class Flag(NamedTuple):
    """The verdict of a batched step's last closed window."""

    is_drift: int
    state: str
    window: int
    closed_at: str


class Part(NamedTuple):
    """Requests of a micro-batch that went the same way through the plan.

    `requests` are positions in the micro-batch; `outputs` the response's tensors, None if the pipeline
    answers nothing; `gathered` rows for each batched step.
    """

    requests: NDArray[np.intp]
    outputs: Tensors | None
    gathered: dict[str, Column]


class Outcome(NamedTuple):
    """What became of a micro-batch; `monitor_failures` cost no response and are only counted."""

    parts: list[Part]
    errors: dict[int, RecordError]
    monitor_failures: dict[str, int]


class Plan:
    """A pipeline's steps in an order in which each finds what it reads."""

    def __init__(self, pipeline: Pipeline, steps: Mapping[str, Step]) -> None:
        self.name = pipeline.metadata.name
        self._output = _output_sources(pipeline)
        needed = _needed(pipeline, self._output)
        specs = {spec.name: spec for spec in pipeline.spec.steps}
        order = [spec for spec in TopologicalSorter(dependencies(pipeline)).static_order() if spec in specs]
        self.steps = tuple(
            _planned(specs[name], pipeline, steps[name], needed=name in needed) for name in order
        )

    def run(self, tensors: Tensors, content_type: str, flags: Mapping[str, Flag], budget: Budget) -> Outcome:
        """Run a micro-batch of requests that share their signature through every step."""
        outcome = Outcome([], {}, {})
        requests = np.arange(len(next(iter(tensors.values())).rows))
        walk = _Walk(self, content_type, flags, budget, outcome)
        walk.go(0, {(self.name, "inputs"): tensors}, requests, {})
        return outcome

    def output(self, environment: Environment) -> Tensors | None:
        """Gather the response's tensors, None if the pipeline answers nothing."""
        return None if self._output is None else _gather(self._output, environment)


class _Walk(NamedTuple):
    """One run of a plan: from a step on, with what is known of some requests so far."""

    plan: Plan
    content_type: str
    flags: Mapping[str, Flag]
    budget: Budget
    outcome: Outcome

    def go(
        self, at: int, environment: Environment, requests: NDArray[np.intp], gathered: dict[str, Column]
    ) -> None:
        for number, planned in enumerate(self.plan.steps[at:], start=at):
            inputs = self._inputs(planned, environment, requests)
            if inputs is None:
                return
            if not inputs:
                continue
            environment[planned.name, "inputs"] = inputs
            done = isolate(partial(self._call, planned), inputs, self.budget)
            if done.failures:
                lost = np.array(sorted(done.failures), dtype=np.intp)
                self._lose(number, planned, lost, done.failures, environment, requests, gathered)
                kept = np.sort(done.answered)
                environment = {place: take(there, kept) for place, there in environment.items()}
                gathered = take(gathered, kept)
                requests = requests[kept]
                outputs = take(done.outputs, np.argsort(done.answered, kind="stable"))
            else:
                outputs = done.outputs
            if not len(requests):
                return
            if planned.window:
                gathered = {**gathered, planned.name: outputs["rows"]}
                outputs = {"is_drift": _flag_column(self.flags.get(planned.name), len(requests))}
            environment[planned.name, "outputs"] = outputs
        self._finish(environment, requests, gathered)

    def _inputs(
        self, planned: PlannedStep, environment: Environment, requests: NDArray[np.intp]
    ) -> Tensors | None:
        try:
            return _gather(planned.sources, environment)
        except ValueError as error:
            self._fail(requests, RecordError(Reason.STEP_FAILED, str(error), planned.name))
            return None

    def _call(self, planned: PlannedStep, inputs: Tensors) -> Tensors:
        content_type = self.content_type if planned.reads_requests else "np"
        if planned.window and isinstance(planned.step, DetectDrift):
            return {"rows": planned.step.rows(inputs, content_type)}
        return planned.step.infer(inputs, content_type)

    def _lose(
        self,
        number: int,
        planned: PlannedStep,
        lost: NDArray[np.intp],
        failures: dict[int, str],
        environment: Environment,
        requests: NDArray[np.intp],
        gathered: dict[str, Column],
    ) -> None:
        """Give up the requests that a step failed on, or go on without it where it only watches."""
        if planned.needed or not planned.step.monitor:
            for position in lost.tolist():
                error = RecordError(Reason.STEP_FAILED, failures[position], planned.name)
                self._fail(requests[[position]], error)
            return
        counts = self.outcome.monitor_failures
        counts[planned.name] = counts.get(planned.name, 0) + len(lost)
        without = {place: take(there, lost) for place, there in environment.items()}
        self.go(number + 1, without, requests[lost], take(gathered, lost))

    def _finish(
        self, environment: Environment, requests: NDArray[np.intp], gathered: dict[str, Column]
    ) -> None:
        try:
            outputs = self.plan.output(environment)
        except ValueError as error:
            self._fail(requests, RecordError(Reason.NO_OUTPUT, str(error)))
            return
        if outputs is not None and not outputs:
            message = f"pipeline {self.plan.name}: no step gave a tensor that spec.output.steps names"
            self._fail(requests, RecordError(Reason.NO_OUTPUT, message))
            return
        self.outcome.parts.append(Part(requests, outputs, gathered))

    def _fail(self, requests: NDArray[np.intp], error: RecordError) -> None:
        self.outcome.errors.update(dict.fromkeys(requests.tolist(), error))


def _planned(spec: StepSpec, pipeline: Pipeline, step: Step, *, needed: bool) -> PlannedStep:
    name = pipeline.metadata.name
    if spec.batch.size and not isinstance(step, DetectDrift):
        raise DeploymentError(
            f"pipeline {name}: step {spec.name} has batch.size {spec.batch.size}, but only drift detectors "
            "gather rows; leave batch out"
        )
    sources = _sources(spec.inputs or [name], spec.tensor_map, name)
    reads_requests = all(source.place == (name, "inputs") for source in sources)
    return PlannedStep(spec.name, sources, step, spec.batch.size, needed, reads_requests)


def _output_sources(pipeline: Pipeline) -> tuple[Source, ...] | None:
    output = pipeline.spec.output
    return None if output is None else _sources(output.steps, output.tensor_map, pipeline.metadata.name)


def _sources(texts: list[str], tensor_map: dict[str, str], pipeline: str) -> tuple[Source, ...]:
    """Group references by place; naming a place without a tensor anywhere means all of its tensors."""
    grouped: dict[Place, list[Reference]] = {}
    for text in texts:
        reference = parse_reference(text, pipeline)
        grouped.setdefault((reference.node, reference.side), []).append(reference)
    renames = {parse_reference(text, pipeline): new for text, new in tensor_map.items()}
    return tuple(
        Source(place, _selection(references), dict(_renames(renames, place)))
        for place, references in grouped.items()
    )


def _selection(references: list[Reference]) -> tuple[str, ...] | None:
    names = [reference.tensor for reference in references if reference.tensor is not None]
    return tuple(names) if len(names) == len(references) else None


def _renames(renames: Mapping[Reference, str], place: Place) -> Iterator[tuple[str, str]]:
    for reference, new in renames.items():
        if (reference.node, reference.side) == place and reference.tensor is not None:
            yield reference.tensor, new


def _needed(pipeline: Pipeline, output: tuple[Source, ...] | None) -> set[str]:
    """Name the steps that the response depends on."""
    reads = dependencies(pipeline)
    found: set[str] = set()
    waiting = [source.place[0] for source in output or ()]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(reads.get(name, ()))
    return found


def _gather(sources: tuple[Source, ...], environment: Environment) -> Tensors:
    """Join what all sources have (inner: nothing where one has nothing); ValueError on a name twice."""
    gathered: Tensors = {}
    for source in sources:
        tensors = source.read(environment)
        if not tensors:
            return {}
        twice = gathered.keys() & tensors.keys()
        if twice:
            raise ValueError(
                f"two inputs are named {min(twice)!r}: rename one with tensorMap, or select other tensors"
            )
        gathered.update(tensors)
    return gathered


def _flag_column(flag: Flag | None, requests: int) -> Column:
    flag = flag or Flag(0, "INSUFFICIENT_DATA", 0, "")
    parameters: dict[str, object] = {"state": flag.state, "window": flag.window}
    if flag.closed_at:
        parameters["closed_at"] = flag.closed_at
    each = np.ones(requests, dtype=np.int64)
    return Column(np.full((requests, 1), flag.is_drift, dtype=np.int64), each, parameters=parameters)
