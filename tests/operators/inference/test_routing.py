"""Selection, names, joins, triggers and absence: each with what happens without it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from operators.core.errors import MismatchError, Reason
from operators.core.tensors import Routed, TensorColumn, Tensors
from operators.models.step import InferenceOptions, single_tensor
from operators.pipeline.compile import compile_plan
from operators.pipeline.failure_isolation import Budget
from operators.pipeline.plan import Outcome, Plan
from tests.operators.pipeline.test_plan import Doubler, column, pipeline, run


class Branch:
    """Answers odd values with a tensor `odd`, the others with `even`, as a routing class would."""

    monitor = False
    functions = ()

    def infer(self, tensors: Tensors, options: InferenceOptions) -> Routed:
        values = next(iter(tensors.values())).data.ravel()
        parts = []
        for name, here in (("odd", values % 2 == 1), ("even", values % 2 == 0)):
            positions = np.flatnonzero(here)
            if len(positions):
                parts.append((positions, {name: column(*values[positions])}))
        return Routed(parts, {})


class Single:
    """Takes a single tensor, as MLServer's np codec does, and adds to it."""

    monitor = False

    def __init__(self, output: str = "y", plus: float = 0.0, functions: tuple[str, ...] = ()) -> None:
        self.functions = functions
        self._output = output
        self._plus = plus

    def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
        only = single_tensor(tensors)
        names = [name for name in options.outputs if name in self.functions] or [self._output]
        return {name: only._replace(data=only.data + self._plus) for name in names}


class Named:
    """Wants a column of that name, as an estimator fitted on named columns does."""

    monitor = False
    functions = ()

    def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
        if "age" not in tensors:
            raise MismatchError("'age' is missing")
        return {"y": tensors["age"]}


def plan(steps: dict[str, tuple[dict[str, Any], Any]], output: dict[str, Any] | None) -> Plan:
    specs = [{"name": name, **spec} for name, (spec, _) in steps.items()]
    return compile_plan(pipeline(specs, output), {name: step for name, (_, step) in steps.items()})


def by_request(outcome: Outcome, name: str = "y") -> dict[int, float]:
    """Return the value of a tensor in each answer that has it."""
    return {
        int(request): float(value)
        for part in outcome.parts
        for request, value in zip(part.requests, (part.outputs or {})[name].data.ravel(), strict=True)
        if name in (part.outputs or {})
    }


@pytest.mark.parametrize(("inputs", "answered"), [(["p.inputs"], False), (["p.inputs.b"], True)])
def test_a_step_of_one_tensor_needs_the_selection(inputs: list[str], answered: bool) -> None:
    outcome = run(plan({"s": ({"inputs": inputs}, Single())}, {"steps": ["s"]}))
    assert bool(outcome.parts) is answered
    assert answered or "takes a single tensor, got 2 (a, b)" in outcome.errors[0].message


@pytest.mark.parametrize(("mapping", "answered"), [({}, False), ({"p.inputs.a": "age"}, True)])
def test_a_step_of_named_columns_needs_the_tensor_map(mapping: dict[str, str], answered: bool) -> None:
    spec = {"inputs": ["p.inputs.a"], "tensorMap": mapping}
    outcome = run(plan({"s": (spec, Named())}, {"steps": ["s"]}))
    assert bool(outcome.parts) is answered
    assert answered or outcome.errors[0].message == "'age' is missing"


def test_the_output_of_two_steps_needs_a_tensor_map_where_names_meet() -> None:
    steps = {"one": ({}, Doubler("y")), "two": ({}, Doubler("y"))}
    names = ["one.outputs.y", "two.outputs.y"]
    outcome = run(plan(steps, {"steps": names}))
    assert outcome.errors[0].reason == Reason.NO_OUTPUT
    assert "two inputs are named 'y': rename one with tensorMap" in outcome.errors[0].message
    mapped = run(plan(steps, {"steps": names, "tensorMap": {"two.outputs.y": "z"}}))
    assert list(mapped.parts[0].outputs or {}) == ["y", "z"]


BRANCHES: dict[str, tuple[dict[str, Any], Any]] = {
    "branch": ({"inputs": ["p.inputs.a"]}, Branch()),
    "mul": ({"inputs": ["branch.outputs.odd"]}, Single(plus=10)),
    "add": ({"inputs": ["branch.outputs.even"]}, Single(plus=20)),
}


@pytest.mark.parametrize("join", ["any", "outer"])
def test_each_request_takes_its_own_branch(join: str) -> None:
    outcome = run(plan(BRANCHES, {"steps": ["mul", "add"], "stepsJoin": join}))
    assert not outcome.errors
    assert by_request(outcome) == {0: 11, 1: 22, 2: 13}


def test_branches_joined_inner_have_no_answer_and_the_message_names_the_remedy() -> None:
    outcome = run(plan(BRANCHES, {"steps": ["mul", "add"], "stepsJoin": "inner"}))
    assert sorted(outcome.errors) == [0, 1, 2]
    assert outcome.errors[0].message == (
        "no outputs for the response: add.outputs returned no tensor, and spec.output.stepsJoin is inner; "
        "set it to outer to respond with the other outputs"
    )


def joined(join: str, output: str = "both") -> Plan:
    steps = {
        **BRANCHES,
        "mul": ({"inputs": ["branch.outputs.odd"]}, Single("m", 10)),
        "always": ({"inputs": ["p.inputs.b"]}, Single("w")),
        "both": ({"inputs": ["mul", "always"], "inputsJoinType": join}, Doubler("y")),
    }
    return plan(steps, {"steps": [f"{output}.outputs.y"]})


def test_inner_needs_all_inputs() -> None:
    outcome = run(joined("inner"))
    assert by_request(outcome) == {0: 22, 2: 26}
    assert sorted(outcome.errors) == [1]


def test_outer_takes_what_is_there() -> None:
    both = Doubler("y")
    steps = {**BRANCHES, "both": ({"inputs": ["mul", "add"], "inputsJoinType": "outer"}, both)}
    assert by_request(run(plan(steps, {"steps": ["both.outputs.y"]}))) == {0: 22, 1: 44, 2: 26}
    assert by_request(run(joined("outer"))) == {0: 22, 1: 10, 2: 26}


def test_any_takes_the_first_that_is_there_and_answers_once() -> None:
    outcome = run(joined("any"))
    assert by_request(outcome) == {0: 22, 1: 10, 2: 26}, "mul where it is there, else always"
    assert sum(len(part.requests) for part in outcome.parts) == 3


@pytest.mark.parametrize(
    ("triggers", "join", "expected"),
    [
        ([], "inner", {0: 4, 1: 5, 2: 6}),
        (["branch.outputs.odd"], "inner", {0: 4, 2: 6}),
        (["branch.outputs.even"], "inner", {1: 5}),
        (["mul", "add"], "inner", {}),
        (["mul", "add"], "outer", {0: 4, 1: 5, 2: 6}),
        (["mul", "p.inputs.nothing"], "any", {0: 4, 2: 6}),
        (["p.inputs.nothing"], "outer", {}),
    ],
)
def test_a_step_runs_only_when_its_triggers_are_there(
    triggers: list[str], join: str, expected: dict[int, float]
) -> None:
    spec = {"inputs": ["p.inputs.b"], "triggers": triggers, "triggersJoinType": join}
    steps = {**BRANCHES, "gated": (spec, Single())}
    outcome = run(plan(steps, {"steps": ["gated"]}))
    assert by_request(outcome) == expected
    assert sorted(outcome.errors) == [i for i in range(3) if i not in expected]


def test_triggers_pass_no_tensor_on() -> None:
    gated = Doubler()
    steps = {**BRANCHES, "gated": ({"inputs": ["p.inputs.b"], "triggers": ["branch"]}, gated)}
    run(plan(steps, {"steps": ["gated.outputs.y"]}))
    assert {name for seen in gated.seen for name in seen} == {"b"}


def test_a_step_is_planned_after_its_triggers() -> None:
    early = {"early": ({"inputs": ["p.inputs.b"], "triggers": ["mul"]}, Single())}
    outcome = run(plan({**early, **BRANCHES}, {"steps": ["early"]}))
    assert by_request(outcome) == {0: 4, 2: 6}


def test_one_step_feeds_several_and_several_are_shown() -> None:
    steps = {
        "s": ({"inputs": ["p.inputs.a"]}, Single("x")),
        "one": ({"inputs": ["s"]}, Single("y", 1)),
        "two": ({"inputs": ["s.outputs.x"]}, Single("z", 2)),
        "sent": ({"inputs": ["one.inputs"]}, Single("w", 3)),
    }
    outcome = run(plan(steps, {"steps": ["one", "two", "sent", "p.inputs.b"]}))
    outputs = outcome.parts[0].outputs or {}
    assert {name: tensor.data.ravel().tolist() for name, tensor in outputs.items()} == {
        "y": [2, 3, 4],
        "z": [3, 4, 5],
        "w": [4, 5, 6],
        "b": [4, 5, 6],
    }


def options(plan_: Plan, *names: str) -> Outcome:
    return plan_.run({"a": column(1, 2)}, InferenceOptions(outputs=names), {}, Budget())


CHAIN: dict[str, tuple[dict[str, Any], Any]] = {
    "first": ({}, Single("transform", 0, ("predict", "transform"))),
    "last": ({"inputs": ["first"]}, Single("predict", 1, ("predict", "predict_proba"))),
}


def test_a_requests_outputs_choose_the_functions_of_the_steps_that_the_response_shows() -> None:
    outcome = options(plan(CHAIN, {"steps": ["last"]}), "predict_proba")
    assert list(outcome.parts[0].outputs or {}) == ["predict_proba"]
    usual = options(plan(CHAIN, {"steps": ["last"]}))
    assert list(usual.parts[0].outputs or {}) == ["predict"]


def test_an_output_that_nothing_offers_is_an_error_that_lists_what_there_is() -> None:
    outcome = options(plan(CHAIN, {"steps": ["last"]}), "transform")
    assert outcome.errors[0].reason == Reason.BAD_REQUEST
    assert (
        outcome.errors[0].message
        == "outputs: 'transform' does not exist; available are predict, predict_proba"
    )


def test_an_output_may_be_named_by_the_tensor_that_it_is() -> None:
    steps = {**CHAIN, "beside": ({"inputs": ["p.inputs.a"]}, Single("score"))}
    outcome = options(plan(steps, {"steps": ["last", "beside"]}), "predict", "score")
    assert list(outcome.parts[0].outputs or {}) == ["predict", "score"]


def test_taps_hold_what_steps_were_sent_and_answered() -> None:
    taps = {("first", "outputs"), ("last", "inputs"), ("nobody", "outputs")}
    outcome = plan(CHAIN, {"steps": ["last"]}).run({"a": column(1)}, InferenceOptions(), {}, Budget(), taps)
    tapped = outcome.parts[0].tapped
    assert {place: list(tensors) for place, tensors in tapped.items()} == {
        ("first", "outputs"): ["transform"],
        ("last", "inputs"): ["transform"],
    }


def test_requests_of_several_rows_stay_whole_on_their_way() -> None:
    class Sizes:
        monitor = False
        functions = ()

        def infer(self, tensors: Tensors, options: InferenceOptions) -> Routed:
            (only,) = tensors.values()
            big = np.flatnonzero(only.rows > 1)
            small = np.flatnonzero(only.rows == 1)
            return Routed([(big, {"big": only.take(big)}), (small, {"small": only.take(small)})], {})

    steps = {
        "route": ({}, Sizes()),
        "sum": ({"inputs": ["route.outputs.big"]}, Single("y", 100)),
        "same": ({"inputs": ["route.outputs.small"]}, Single("y")),
    }
    tensors = {"a": TensorColumn(np.arange(6.0)[:, None], np.array([1, 2, 1, 2], dtype=np.int64))}
    outcome = plan(steps, {"steps": ["sum", "same"], "stepsJoin": "any"}).run(
        tensors, InferenceOptions(), {}, Budget()
    )
    answers = {
        tuple(part.requests): (part.outputs or {})["y"].data.ravel().tolist() for part in outcome.parts
    }
    assert answers == {(1, 3): [101, 102, 104, 105], (0, 2): [0, 3]}


def test_a_step_that_writes_into_its_input_changes_nobody_elses() -> None:
    class Writes:
        monitor = False
        functions = ()

        def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
            (only,) = tensors.values()
            only.data[:] = 0
            return {"y": only}

    steps = {"bad": ({"inputs": ["p.inputs.a"]}, Writes()), "same": ({"inputs": ["p.inputs.a"]}, Single("z"))}
    outcome = run(plan(steps, {"steps": ["same", "bad"], "stepsJoin": "any"}))
    assert "read-only" in outcome.errors[0].message


def test_an_absent_output_is_reported_although_another_ones_names_meet() -> None:
    steps = {**BRANCHES, "two": ({"inputs": ["p.inputs.b"]}, Doubler("y"))}
    output = {"steps": ["mul", "two"], "tensorMap": {"two.outputs.extra": "y"}}
    outcome = run(plan(steps, output))
    assert {error.reason for error in outcome.errors.values()} == {Reason.NO_OUTPUT}


def test_a_tensor_without_rows_costs_no_neighbour() -> None:
    class Empties:
        monitor = False
        functions = ()

        def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
            (only,) = tensors.values()
            keep = np.arange(len(only.data)) < len(only.data) - 1
            return {"x": TensorColumn(only.data[keep], np.array([1, 1, 0], dtype=np.int64))}

    steps = {
        "empty": ({"inputs": ["p.inputs.a"]}, Empties()),
        "picky": ({"inputs": ["empty"]}, Doubler(refuse=1.0)),
    }
    outcome = run(plan(steps, {"steps": ["picky.outputs.y"]}))
    assert outcome.errors[0].message == "ValueError: 1 is refused"
