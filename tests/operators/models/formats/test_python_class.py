from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from operators.core.errors import DeploymentError
from operators.core.tensors import Routed, TensorColumn, Tensors
from operators.models.step import InferenceOptions, Step
from operators.storage.digest import digest
from tests.operators.storage.model import load, settings
from tests.support.paths import EXAMPLES

ROUTER = EXAMPLES / "router"


def step(folder: Path, body: str, **extra: str) -> Step:
    settings(folder, implementation="mine.Model", parameters={"extra": extra})
    (folder / "mine.py").write_text("import numpy as np\nclass Model:\n" + body)
    return load(folder)


def requests(*values: float) -> Tensors:
    return {"x": TensorColumn(np.array(values)[:, None], np.ones(len(values), dtype=np.int64))}


INIT = "    def __init__(self, folder, parameters): self.p = parameters\n"


def test_the_example_sends_requests_down_one_of_two_branches(tmp_path: Path) -> None:
    router = load(shutil.copytree(ROUTER, tmp_path / "router"))
    rows = np.array([[20.0, 1], [60.0, 2], [39.0, 3], [41.0, 4]])
    answer = router.infer({"x": TensorColumn(rows, np.array([1, 1, 2], dtype=np.int64))}, InferenceOptions())
    assert isinstance(answer, Routed)
    assert [(part.tolist(), list(outputs)) for part, outputs in answer.parts] == [
        ([0], ["young"]),
        ([1], ["others"]),
        ([2], ["others"]),
    ]


def test_the_manifests_parameters_reach_the_class_as_text(tmp_path: Path) -> None:
    folder = shutil.copytree(ROUTER, tmp_path / "router")
    answer = load(folder, parameters=[{"name": "limit", "value": "70"}]).infer(
        requests(60.0), InferenceOptions()
    )
    assert isinstance(answer, Routed)
    assert list(answer.parts[0][1]) == ["young"]


def test_a_request_that_the_class_refuses_fails_alone(tmp_path: Path) -> None:
    body = INIT + "    def predict(self, x):\n        return {'y': [1 / int(v) for v in x['x'].ravel()]}\n"
    answer = step(tmp_path / "m", body).infer(requests(1, 0, 2), InferenceOptions())
    assert isinstance(answer, Routed)
    assert answer.failures == {1: "ZeroDivisionError: division by zero"}
    assert [part.tolist() for part, _ in answer.parts] == [[0], [2]]


def test_row_by_row_takes_many_requests_in_one_call(tmp_path: Path) -> None:
    body = (
        "    row_by_row = True\n    calls = 0\n"
        + INIT
        + "    def predict(self, x):\n        Model.calls += 1\n"
        + "        return {'n': x['x'] * 0 + Model.calls}\n"
    )
    answer = step(tmp_path / "m", body).infer(requests(1, 2, 3), InferenceOptions())
    assert isinstance(answer, dict)
    assert answer["n"].data.ravel().tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("5", "predict must return tensors by name in a dict, not int"),
        ("{'y': {}}", "'y': a tensor can contain numbers, booleans or strings, got dict"),
        ("{'y': np.array([1, 'a', None, object()], dtype=object)}", "'y': a tensor can contain numbers"),
    ],
)
def test_a_returned_value_that_is_no_tensor_fails_the_request(
    tmp_path: Path, returned: str, message: str
) -> None:
    answer = step(tmp_path / "m", INIT + f"    def predict(self, x): return {returned}\n").infer(
        requests(1), InferenceOptions()
    )
    assert isinstance(answer, Routed)
    assert message in answer.failures[0]


def test_strings_lists_and_single_values_become_tensors(tmp_path: Path) -> None:
    returned = "{'s': ['a', 'b'], 'n': 3, 'f': [[1.5, 2.5]], 'none': None}"
    body = INIT + f"    def predict(self, x): return {returned}\n"
    answer = step(tmp_path / "m", body).infer(requests(1), InferenceOptions())
    assert isinstance(answer, Routed)
    ((_, outputs),) = answer.parts
    assert {name: tensor.data.tolist() for name, tensor in outputs.items()} == {
        "s": ["a", "b"],
        "n": [3],
        "f": [[1.5, 2.5]],
    }


@pytest.mark.parametrize(
    ("implementation", "source", "message"),
    [
        ("mine.Model", "", "has no class Model"),
        ("mine.Model", "class Model: pass", "Model has no method predict"),
        ("mine.Model", "import nothing_of_the_kind", "imports nothing_of_the_kind, which is not installed"),
        ("mine.Model", "from mlserver import MLModel", "imports mlserver, .*: write predict.tensors.*"),
        (
            "mine.Model",
            "class Model:\n    async def predict(self, payload): pass",
            "Model.predict is a coroutine, as in a class for MLServer",
        ),
        ("mine.Model", "class Model:\n    def predict(self, x): pass", "cannot be created: TypeError"),
        ("other.Model", "", "no runtime for implementation 'other.Model': it is not one of Weir's"),
        (
            "mlserver_mlflow.MLflowRuntime",
            "",
            "no runtime for implementation 'mlserver_mlflow.MLflowRuntime'",
        ),
    ],
)
def test_a_class_that_cannot_be_used_is_refused_with_the_reason(
    tmp_path: Path, implementation: str, source: str, message: str
) -> None:
    settings(tmp_path, implementation=implementation)
    (tmp_path / "mine.py").write_text(source)
    with pytest.raises(DeploymentError, match=message):
        load(tmp_path)


def test_a_class_leaves_its_folder_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python would write bytecode beside it, and the digest would not be that of the release any more."""
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    folder = shutil.copytree(ROUTER, tmp_path / "router", ignore=shutil.ignore_patterns("__pycache__"))
    before = digest(folder)
    load(folder)
    assert digest(folder) == before


def test_row_by_row_refuses_a_request_whose_tensors_have_other_rows(tmp_path: Path) -> None:
    body = INIT + "    row_by_row = True\n    def predict(self, x): return {'y': x['a'] + x['b']}\n"
    two, one = np.array([2], dtype=np.int64), np.array([1], dtype=np.int64)
    uneven = {"a": TensorColumn(np.ones((2, 1)), two), "b": TensorColumn(np.ones((1, 1)), one)}
    with pytest.raises(ValueError, match="row_by_row takes tensors with equal numbers of rows"):
        step(tmp_path / "m", body).infer(uneven, InferenceOptions())


@pytest.mark.parametrize("source", ["import sys\nsys.exit(3)", "raise RuntimeError", "1 / 0", "def ("])
def test_code_that_raises_anything_is_refused(tmp_path: Path, source: str) -> None:
    settings(tmp_path, implementation="mine.Model")
    (tmp_path / "mine.py").write_text(source)
    with pytest.raises(DeploymentError, match=r"mine\.py|SystemExit"):
        load(tmp_path)
