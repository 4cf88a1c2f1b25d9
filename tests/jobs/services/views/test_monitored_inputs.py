from __future__ import annotations

from typing import Any

import pytest

from jobs.services.views.monitored_inputs import prepared_steps
from tests.jobs.services.views.pipelines import OUTPUTS, PIPELINES, release_of


@pytest.mark.parametrize(
    ("inputs", "prepared"),
    [
        ([], False),
        (["p"], False),
        (["p.inputs.age"], False),
        (["prepare"], True),
        (["prepare.outputs"], True),
        (["prepare.outputs.transform"], True),
        (["p", "prepare"], True),
        (["prepare.inputs"], False),
        (["prepare.outputs.predict", "prepare.outputs.predict_proba"], False),
        (["prepare.outputs.decision_function"], False),
        (["prepare.outputs.instance_score"], False),
    ],
)
def test_a_step_reads_prepared_values_where_it_reads_another_step_and_no_prediction(
    inputs: list[str], prepared: bool
) -> None:
    steps: list[dict[str, Any]] = [{"name": "prepare"}, {"name": "d", "inputs": inputs, "batch": {"size": 9}}]
    assert prepared_steps(release_of(steps, ["prepare"])) == ({"d"} if prepared else set())


def test_what_a_monitor_calls_predictions_is_not_prepared() -> None:
    monitor = {
        "apiVersion": "weir/v1alpha1",
        "kind": "Monitor",
        "metadata": {"name": "m"},
        "spec": {"pipeline": "p", "drift": [{"step": "d", "of": "predictions"}]},
    }
    steps: list[dict[str, Any]] = [{"name": "m"}, {"name": "d", "inputs": ["m"], "batch": {"size": 9}}]
    assert prepared_steps(release_of(steps, ["m"])) == {"d"}
    assert prepared_steps(release_of(steps, ["m"], monitor)) == set()


def test_the_steps_of_the_example() -> None:
    prepared = prepared_steps(release_of(PIPELINES["six"], OUTPUTS["six"]))
    assert "income-drift-preprocessed" in prepared
    assert not {"income-prediction-drift", "income-quality", "income-preprocess"} & prepared
