from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from operators.core.errors import DeploymentError
from operators.resources.manifests import parse_document, read_manifests
from operators.resources.references import Reference, parse_reference
from operators.resources.seldon_schema import Pipeline

MODELS = """
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {name: a}
spec: {storageUri: ./a, requirements: [sklearn], memory: 100Ki, replicas: 2, server: mlserver}
---
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {name: b, namespace: seldon-mesh}
spec: {storageUri: "file:///models/b", requirements: [alibi-detect], parameters: [{name: k, value: v}]}
"""
PIPELINE = """
apiVersion: mlops.seldon.io/v1alpha1
kind: Pipeline
metadata: {name: p}
spec:
  steps:
    - {name: a}
    - {name: b, inputs: [a], batch: {size: 20}}
  output: {steps: [a, b.outputs.is_drift]}
"""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def errors_of(folder: Path, **files: str) -> str:
    return "\n".join(read_manifests([write(folder, **files)]).errors)


def test_several_documents_and_files_are_read(tmp_path: Path) -> None:
    manifests = read_manifests([write(tmp_path, models=MODELS, pipeline=PIPELINE)])
    assert list(manifests.models) == ["a", "b"]
    assert manifests.pipelines["p"].spec.steps[1].batch.size == 20


def test_seldons_own_income_pipelines_are_read() -> None:
    for path in ("production", "workflow"):
        document = yaml.safe_load((Path("examples/income") / f"{path}.yaml").read_text())
        assert isinstance(parse_document(document), Pipeline)


def test_other_kinds_are_skipped_with_a_notice(tmp_path: Path) -> None:
    other = "apiVersion: mlops.seldon.io/v1alpha1\nkind: Server\nmetadata: {name: s}\nspec: {replicas: 1}\n"
    manifests = read_manifests([write(tmp_path, models=MODELS, pipeline=PIPELINE, server=other)])
    notice = "Weir does not use kind Server; the document is skipped"
    assert sum(notice in one for one in manifests.notices) == 1


def test_an_unknown_key_is_named_with_file_and_path(tmp_path: Path) -> None:
    text = errors_of(tmp_path, models=MODELS.replace("storageUri: ./a", "storagUri: ./a"))
    assert "models.yaml: document 1" in text
    assert "spec has no field 'storagUri'; did you mean storageUri?" in text


def test_every_document_with_an_error_is_reported_at_once(tmp_path: Path) -> None:
    text = errors_of(
        tmp_path,
        models=MODELS.replace("name: a}", "name: A.b}"),
        pipeline=PIPELINE.replace("inputs: [a]", "inputs: [c, b.outs]"),
        junk="a: [",
    )
    assert "metadata.name must be lower-case letters" in text
    assert "spec.steps[1].inputs[0]: there is no step c in pipeline p" in text
    assert "must be inputs or outputs, got 'outs'" in text
    assert "junk.yaml: is not YAML" in text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: p}", "name: a}", "must differ from the pipeline's own name"),
        ("- {name: a}", "- {name: a}\n    - {name: a}", "step a occurs twice"),
        (
            "- {name: a}",
            "- {name: a, inputs: [b]}",
            "b has a batch, so other steps cannot read its outputs; name it in spec.output",
        ),
        ("- {name: a}", "- {name: a, inputs: [b.inputs]}", "pipeline p has a cycle"),
        ("steps: [a, b", "steps: [zz, b", "spec.output.steps[0]: there is no step zz"),
        (
            "b.outputs.is_drift",
            "b.outputs.is_drift.x",
            "a reference must be STEP, STEP.outputs or STEP.outputs.TENSOR",
        ),
        ("b.outputs.is_drift", "p.outputs", "own outputs cannot be read inside it"),
        (
            "size: 20",
            "size: -1",
            "spec.steps[1].batch.size must be a whole number from 0 to 4294967295, got -1",
        ),
        ("size: 20", "size: twenty", "spec.steps[1].batch.size must be a whole number, got text, 'twenty'"),
        ("size: 20", "size: 20, windowMs: -5", "batch.windowMs must be a whole number from 0"),
        ("size: 20", "rolling: true", "batch.rolling needs a batch.size of at least 2, got 0"),
        (
            "inputs: [a]",
            "inputs: [a], triggers: [a]",
            "spec.steps[1].triggers: a.outputs is already one of the inputs",
        ),
        ("inputs: [a]", "inputs: [a], triggers: [zz]", "spec.steps[1].triggers[0]: there is no step zz"),
        ("inputs: [a]", "inputs: [a], inputsJoinType: some", "must be one of inner, outer, any, got 'some'"),
        ("b.outputs.is_drift", "b.outputs.p_val", "so a response can contain only its is_drift"),
        ("inputs: [a]", "inputs: [a], tensorMap: {p.inputs.y: x}", "p.inputs is not read there"),
        (
            "inputs: [a]",
            "inputs: [a], tensorMap: {a.outputs.x: z, a.outputs.y: z}",
            "a.outputs.x is renamed to 'z' too",
        ),
        ("inputs: [a]", "inputs: [a], tensorMap: {a.outputs.x: z.z}", "new name must be text without dots"),
        ("inputs: [a]", "inputs: [a], tensorMap: {a.outputs: x}", "name the tensor in full"),
        ("spec:\n", "spec:\n  input: {externalInputs: [q]}\n", "an external input must be PIPELINE.inputs"),
        (
            "spec:\n",
            "spec:\n  input: {externalInputs: [q.outputs, r.outputs]}\n",
            "only one other pipeline's",
        ),
        ("spec:\n", "spec:\n  input: {externalInputs: [p.outputs]}\n", "cannot be its own external input"),
        (
            "spec:\n",
            "spec:\n  input: {externalTriggers: [q.outputs]}\n",
            "externalTriggers[0] is not supported",
        ),
        (
            "spec:\n",
            "spec:\n  input: {externalInputs: [q.outputs], tensorMap: {r.outputs.x: y}}\n",
            "externalInputs does not read it",
        ),
        (
            "spec:\n",
            "spec:\n  allowCycles: true\n",
            "spec.allowCycles is not supported: a pipeline must have no cycle",
        ),
        ("v1alpha1", "v2", "must be one of mlops.seldon.io/v1alpha1, got 'mlops.seldon.io/v2'"),
        ("- {name: a}\n", "", "there is no step a"),
    ],
)
def test_what_cannot_run_is_refused_with_its_path(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in PIPELINE
    assert message in errors_of(tmp_path, models=MODELS, pipeline=PIPELINE.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("./a", "FTP://bucket/a", "name of a store in lower case, such as s3:// or minio://, got FTP://"),
        ("storageUri: ./a", "storageUri: ''", "storageUri is empty; it must name the folder"),
        ("replicas: 2", "explainer: {type: anchor}", "spec.explainer is not supported"),
        ("replicas: 2", "artifactVersion: -3", "spec.artifactVersion must be a whole number from 0"),
        ("100Ki", "much", "spec.memory must be a quantity such as 200Mi or 1G, got 'much'"),
        ("storageUri: ./a, ", "", "spec.storageUri is missing"),
        ("metadata: {name: a}", "metadata: {name: b}", "Model b is already defined in"),
        ("metadata: {name: a}", "metadata: {name: c}", "there is no Model a in these manifests"),
    ],
)
def test_models_that_cannot_be_honoured_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert message in errors_of(tmp_path, models=MODELS.replace(old, new, 1), pipeline=PIPELINE)


def test_more_steps_than_a_plan_can_walk_are_refused(tmp_path: Path) -> None:
    steps = "\n".join(f"    - {{name: s{i}, inputs: [a]}}" for i in range(200))
    text = errors_of(tmp_path, models=MODELS, pipeline=PIPELINE.replace("  steps:\n", f"  steps:\n{steps}\n"))
    assert "spec.steps may have at most 200 steps, got 202" in text


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    assert "there is no .yaml, .yml, .json file in this folder" in errors_of(tmp_path)


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    (error,) = read_manifests([tmp_path / "away.yaml"]).errors
    assert "away.yaml: cannot be read: No such file" in error


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
maybe_step = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", "p"]) | json_values},
    optional={
        "inputs": st.lists(st.sampled_from(["a", "b.outputs", "p.inputs.x", "..", "a.b.c.d"])) | json_values,
        "batch": st.fixed_dictionaries({"size": st.integers(-1, 3) | json_values}) | json_values,
        "tensorMap": json_values,
    },
)


@given(st.lists(maybe_step, max_size=3) | json_values, json_values)
def test_any_pipeline_is_parsed_or_refused_in_words(steps: object, output: object) -> None:
    document = {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": "p"},
        "spec": {"steps": steps, "output": output},
    }
    with contextlib.suppress(DeploymentError):
        parse_document(document)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", Reference("a", "outputs")),
        ("p", Reference("p", "inputs")),
        ("a.inputs", Reference("a", "inputs")),
        ("a.outputs.t", Reference("a", "outputs", "t")),
        ("p.inputs.t", Reference("p", "inputs", "t")),
    ],
)
def test_references_mean_what_seldon_means(text: str, expected: Reference) -> None:
    assert parse_reference(text, "p") == expected


@pytest.mark.parametrize("text", ["", ".", "a.", "a.out", "a.outputs.", "a.outputs.t.u", ".outputs.t"])
def test_other_references_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"inputs or outputs|a reference must be"):
        parse_reference(text, "p")
