from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from detectors.drift.tabular import TabularDrift
from operators.core.errors import DeploymentError, Reason
from operators.core.tensors import TensorColumn, Tensors
from operators.models.runtimes.batched import WindowVerdict
from operators.models.runtimes.drift import DriftModel
from operators.models.runtimes.sklearn_estimator import SklearnModel
from operators.models.step import InferenceOptions
from operators.pipeline.compile import compile_plan
from operators.pipeline.failure_isolation import Budget
from operators.pipeline.plan import Outcome, Plan
from operators.resources.manifests import parse_document
from operators.resources.seldon_schema import Pipeline


class Doubler:
    """A step that doubles the values of its first tensor and remembers the names of all that it was given."""

    functions = ()

    def __init__(self, output: str = "y", monitor: bool = False, refuse: float | None = None) -> None:
        self.monitor = monitor
        self.seen: list[list[str]] = []
        self._output = output
        self._refuse = refuse

    def infer(self, tensors: Tensors, options: InferenceOptions) -> Tensors:
        self.seen.append(list(tensors))
        column = next(iter(tensors.values()))
        if self._refuse is not None and (column.data == self._refuse).any():
            raise ValueError(f"{self._refuse:g} is refused")
        return {self._output: column._replace(data=column.data * 2), "extra": column}


def pipeline(steps: list[dict[str, Any]], output: dict[str, Any] | None) -> Pipeline:
    spec: dict[str, Any] = {"steps": steps}
    if output is not None:
        spec["output"] = output
    document = {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": "p"},
        "spec": spec,
    }
    parsed = parse_document(document)
    assert isinstance(parsed, Pipeline)
    return parsed


def column(*values: float) -> TensorColumn:
    return TensorColumn(np.array(values)[:, None], np.ones(len(values), dtype=np.int64))


def run(plan: Plan, **flags: WindowVerdict) -> Outcome:
    return plan.run({"a": column(1, 2, 3), "b": column(4, 5, 6)}, InferenceOptions(), flags, Budget())


def outputs(outcome: Outcome) -> dict[str, list[float]]:
    (part,) = outcome.parts
    assert part.outputs is not None
    return {name: tensor.data.ravel().tolist() for name, tensor in part.outputs.items()}


def test_a_step_without_inputs_reads_the_whole_request() -> None:
    step = Doubler()
    outcome = run(compile_plan(pipeline([{"name": "s"}], {"steps": ["s"]}), {"s": step}))
    assert step.seen == [["a", "b"]]
    assert outputs(outcome) == {"y": [2, 4, 6], "extra": [1, 2, 3]}


@pytest.mark.parametrize("reference", ["p.inputs.b", "p.inputs"])
def test_a_step_reads_what_it_names(reference: str) -> None:
    step = Doubler()
    run(compile_plan(pipeline([{"name": "s", "inputs": [reference]}], {"steps": ["s"]}), {"s": step}))
    assert step.seen == [["b"] if reference.endswith(".b") else ["a", "b"]]


def test_steps_run_in_the_order_in_which_they_read_each_other_and_not_in_that_of_the_manifest() -> None:
    steps = [{"name": "last", "inputs": ["first.outputs.y"]}, {"name": "first", "inputs": ["p.inputs.a"]}]
    plan = compile_plan(
        pipeline(steps, {"steps": ["last.outputs.y"]}), {"first": Doubler(), "last": Doubler()}
    )
    assert outputs(run(plan)) == {"y": [4, 8, 12]}


def test_tensor_map_renames_what_a_step_sees() -> None:
    step = Doubler()
    spec = {"name": "s", "inputs": ["p.inputs.a"], "tensorMap": {"p.inputs.a": "renamed"}}
    run(compile_plan(pipeline([spec], {"steps": ["s"]}), {"s": step}))
    assert step.seen == [["renamed"]]


def test_tensor_map_renames_what_the_response_shows() -> None:
    output = {"steps": ["s.outputs.y"], "tensorMap": {"s.outputs.y": "answer"}}
    assert outputs(run(compile_plan(pipeline([{"name": "s"}], output), {"s": Doubler()}))) == {
        "answer": [2, 4, 6]
    }


def test_inputs_of_several_steps_are_joined() -> None:
    steps = [
        {"name": "one", "inputs": ["p.inputs.a"]},
        {"name": "two", "inputs": ["p.inputs.b"]},
        {"name": "both", "inputs": ["one.outputs.y", "two.outputs.z"]},
    ]
    both = Doubler("w")
    plan = compile_plan(
        pipeline(steps, {"steps": ["both.outputs.w"]}),
        {"one": Doubler("y"), "two": Doubler("z"), "both": both},
    )
    run(plan)
    assert both.seen == [["y", "z"]]


def test_a_step_reads_what_another_was_sent_after_renaming() -> None:
    steps = [
        {"name": "one", "inputs": ["p.inputs.a"], "tensorMap": {"p.inputs.a": "renamed"}},
        {"name": "two", "inputs": ["one.inputs"]},
    ]
    two = Doubler()
    run(compile_plan(pipeline(steps, {"steps": ["two"]}), {"one": Doubler(), "two": two}))
    assert two.seen == [["renamed"]]


def test_two_inputs_of_one_name_are_an_error_that_names_the_remedy() -> None:
    steps = [{"name": "one"}, {"name": "two"}, {"name": "both", "inputs": ["one", "two"]}]
    plan = compile_plan(
        pipeline(steps, {"steps": ["both"]}), {"one": Doubler(), "two": Doubler(), "both": Doubler()}
    )
    outcome = run(plan)
    assert {error.step for error in outcome.errors.values()} == {"both"}
    assert "two inputs are named 'y': rename one with tensorMap" in outcome.errors[0].message


def test_a_step_whose_tensor_is_absent_is_skipped() -> None:
    steps = [{"name": "s"}, {"name": "never", "inputs": ["s.outputs.missing"]}]
    never = Doubler()
    plan = compile_plan(pipeline(steps, {"steps": ["s.outputs.y"]}), {"s": Doubler(), "never": never})
    assert outputs(run(plan)) == {"y": [2, 4, 6]}
    assert never.seen == []


def test_a_response_without_any_tensor_is_an_error() -> None:
    outcome = run(compile_plan(pipeline([{"name": "s"}], {"steps": ["s.outputs.missing"]}), {"s": Doubler()}))
    assert {error.reason for error in outcome.errors.values()} == {Reason.NO_OUTPUT}
    assert len(outcome.errors) == 3


def test_a_pipeline_without_output_answers_nothing() -> None:
    (part,) = run(compile_plan(pipeline([{"name": "s"}], None), {"s": Doubler()})).parts
    assert part.outputs is None


def test_a_request_that_a_step_refuses_fails_and_names_the_step() -> None:
    steps = [{"name": "s", "inputs": ["p.inputs.a"]}]
    outcome = run(compile_plan(pipeline(steps, {"steps": ["s.outputs.y"]}), {"s": Doubler(refuse=2.0)}))
    assert list(outcome.errors) == [1]
    assert (outcome.errors[1].step, outcome.errors[1].message) == ("s", "ValueError: 2 is refused")
    assert outputs(outcome) == {"y": [2, 6]}
    assert outcome.parts[0].requests.tolist() == [0, 2]


def test_a_monitor_beside_the_response_costs_no_response() -> None:
    steps = [{"name": "s"}, {"name": "watch"}, {"name": "after", "inputs": ["watch"]}]
    watch, after = Doubler(monitor=True, refuse=2.0), Doubler()
    plan = compile_plan(
        pipeline(steps, {"steps": ["s.outputs.y"]}), {"s": Doubler(), "watch": watch, "after": after}
    )
    outcome = run(plan)
    assert not outcome.errors
    assert {request: [one.step for one in some] for request, some in outcome.monitor_failures.items()} == {
        1: ["watch"]
    }
    answered = {
        int(request): value
        for part in outcome.parts
        for request, value in zip(part.requests, part.outputs["y"].data.ravel(), strict=True)  # type: ignore[index]
    }
    assert answered == {0: 2, 1: 4, 2: 6}


def test_a_monitor_that_the_response_shows_does_cost_it() -> None:
    plan = compile_plan(pipeline([{"name": "w"}], {"steps": ["w"]}), {"w": Doubler(monitor=True, refuse=2.0)})
    assert list(run(plan).errors) == [1]


def drift_plan(size: int = 100, output: str = "d.outputs.is_drift") -> Plan:
    steps = [{"name": "s"}, {"name": "d", "inputs": ["p.inputs.a"], "batch": {"size": size}}]
    detector = DriftModel(TabularDrift(np.arange(50.0)[:, None]), ["x"], ["x"])
    return compile_plan(pipeline(steps, {"steps": ["s.outputs.y", output]}), {"s": Doubler(), "d": detector})


def test_a_batched_step_gathers_rows_and_answers_with_the_last_verdict() -> None:
    outcome = run(drift_plan(), d=WindowVerdict(1, "DRIFT", 7, "2026-01-01T00:00:00Z"))
    (part,) = outcome.parts
    assert part.gathered["d"].data.ravel().tolist() == [1, 2, 3]
    assert part.outputs is not None
    assert part.outputs["is_drift"].data.tolist() == [[1], [1], [1]]
    assert part.outputs["is_drift"].parameters == {
        "state": "DRIFT",
        "window": 7,
        "closed_at": "2026-01-01T00:00:00Z",
    }


def test_before_the_first_window_the_verdict_is_insufficient_data() -> None:
    (part,) = run(drift_plan()).parts
    assert part.outputs is not None
    assert part.outputs["is_drift"].data.tolist() == [[0], [0], [0]]
    assert part.outputs["is_drift"].parameters == {"state": "INSUFFICIENT_DATA", "window": 0}


def test_rows_of_refused_requests_enter_no_window() -> None:
    steps = [{"name": "d", "inputs": ["p.inputs.a"], "batch": {"size": 5}}, {"name": "s"}]
    detector = DriftModel(TabularDrift(np.arange(50.0)[:, None]), ["x"], ["x"])
    plan = compile_plan(
        pipeline(steps, {"steps": ["s.outputs.y"]}), {"s": Doubler(refuse=2.0), "d": detector}
    )
    outcome = run(plan)
    assert list(outcome.errors) == [1]
    assert outcome.parts[0].gathered["d"].data.ravel().tolist() == [1, 3]


def test_an_unbatched_drift_step_tests_each_request_over_its_rows() -> None:
    detector = TabularDrift(np.arange(50.0)[:, None])
    plan = compile_plan(
        pipeline([{"name": "d"}], {"steps": ["d"]}), {"d": DriftModel(detector, ["x"], ["x"])}
    )
    rows = np.concatenate([np.arange(30.0), np.arange(30.0) + 100])[:, None]
    outcome = plan.run(
        {"a": TensorColumn(rows, np.array([30, 30], dtype=np.int64))}, InferenceOptions(), {}, Budget()
    )
    (part,) = outcome.parts
    assert part.outputs is not None
    assert {name: tensor.data.shape for name, tensor in part.outputs.items()} == {
        "is_drift": (2, 1),
        "distance": (2, 1),
        "p_val": (2, 1),
        "threshold": (2, 1),
    }
    assert part.outputs["is_drift"].data.ravel().tolist() == [1, 1]
    assert part.outputs["p_val"].data[1, 0] == detector.test(rows[30:]).p_val[0]


def test_batch_on_a_step_that_is_no_drift_detector_is_refused() -> None:
    with pytest.raises(DeploymentError, match=r"step s has a batch, but only drift detectors"):
        compile_plan(pipeline([{"name": "s", "batch": {"size": 5}}], None), {"s": Doubler()})


@pytest.fixture(scope="module")
def forest() -> Any:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 1))
    return RandomForestClassifier(10, random_state=0).fit(rows, (rows[:, 0] > 0).astype(int))


def test_a_function_that_a_step_reads_by_name_is_called_but_not_shown(forest: Any) -> None:
    watch = Doubler()
    steps = [
        {"name": "m", "inputs": ["p.inputs.a"]},
        {"name": "w", "inputs": ["m.outputs.predict_proba", "m.outputs.predict"]},
        {"name": "v", "inputs": ["m"]},
    ]
    plan = compile_plan(
        pipeline(steps, {"steps": ["m"]}), {"m": SklearnModel(forest, "predict"), "w": watch, "v": Doubler()}
    )
    (part,) = run(plan).parts
    assert part.outputs is not None
    assert list(part.outputs) == ["predict"]
    assert watch.seen == [["predict_proba", "predict"]]


def test_the_response_may_name_a_function_that_the_model_does_not_answer_with(forest: Any) -> None:
    spec = pipeline([{"name": "m", "inputs": ["p.inputs.a"]}], {"steps": ["m.outputs.predict_proba"]})
    (part,) = run(compile_plan(spec, {"m": SklearnModel(forest, "predict")})).parts
    assert part.outputs is not None
    assert np.array_equal(part.outputs["predict_proba"].data, forest.predict_proba([[1.0], [2.0], [3.0]]))


def test_classes_are_the_same_beside_probabilities(forest: Any) -> None:
    step, rows = SklearnModel(forest, "predict"), np.random.default_rng(1).normal(size=(700, 1))
    for some in (rows[:5], rows):
        tensors = {"x": TensorColumn(some, np.ones(len(some), dtype=np.int64))}
        beside = step.infer(tensors, InferenceOptions(required=("predict_proba",)))
        assert beside["predict_proba"].hidden
        assert np.array_equal(beside["predict"].data, forest.predict(some))
