from __future__ import annotations

from typing import Any

import pytest

from docs.manifest_fields import PAGE, page
from operators.resources.field_support import SUPPORT, Status, fields, unsupported_fields
from operators.resources.manifests import parse_document
from operators.resources.monitor_schema import Monitor
from operators.resources.seldon_schema import Model, Pipeline


@pytest.mark.parametrize("resource", [Model, Pipeline, Monitor])
def test_every_field_of_the_schema_is_judged_and_none_besides(resource: type) -> None:
    assert set(fields(resource)) == set(SUPPORT[resource])


def test_the_docs_show_the_field_support_of_the_code() -> None:
    text = PAGE.read_text("utf-8")
    assert text == page(text), "run make docs"


def document(kind: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "weir/v1alpha1" if kind == "Monitor" else "mlops.seldon.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": "x"},
        "spec": spec,
    }


MODEL = {"storageUri": "m"}
MONITOR = {"pipeline": "p"}
RESOURCES: dict[str, Any] = {"Model": Model, "Pipeline": Pipeline, "Monitor": Monitor}
PIPELINE = {"steps": [{"name": "a"}], "output": {"steps": ["a"]}}
SET: dict[tuple[str, str], Any] = {
    ("Model", "spec.schemaUri"): {**MODEL, "schemaUri": "s"},
    ("Model", "spec.secretName"): {**MODEL, "secretName": "s"},
    ("Model", "spec.replicas"): {**MODEL, "replicas": 2},
    ("Model", "spec.minReplicas"): {**MODEL, "minReplicas": 2},
    ("Model", "spec.maxReplicas"): {**MODEL, "maxReplicas": 2},
    ("Model", "spec.server"): {**MODEL, "server": "mlserver"},
    ("Model", "spec.preloaded"): {**MODEL, "preloaded": True},
    ("Model", "spec.dedicated"): {**MODEL, "dedicated": True},
    ("Model", "spec.logger"): {**MODEL, "logger": {"percent": 100}},
    ("Model", "spec.explainer"): {**MODEL, "explainer": {"type": "anchor_tabular"}},
    ("Model", "spec.llm"): {**MODEL, "llm": {"modelRef": "m"}},
    ("Model", "spec.dataflow.cleanTopicsOnDelete"): {**MODEL, "dataflow": {"cleanTopicsOnDelete": True}},
    ("Pipeline", "spec.steps[0].joinWindowMs"): {"steps": [{"name": "a", "joinWindowMs": 5}]},
    ("Pipeline", "spec.input.externalTriggers[0]"): {
        **PIPELINE,
        "input": {"externalTriggers": ["q.outputs"]},
    },
    ("Pipeline", "spec.input.joinWindowMs"): {
        **PIPELINE,
        "input": {"externalInputs": ["q.outputs"], "joinWindowMs": 5},
    },
    ("Pipeline", "spec.input.joinType"): {
        **PIPELINE,
        "input": {"externalInputs": ["q.outputs"], "joinType": "any"},
    },
    ("Pipeline", "spec.input.triggersJoinType"): {
        **PIPELINE,
        "input": {"externalInputs": ["q.outputs"], "triggersJoinType": "any"},
    },
    ("Pipeline", "spec.output.joinWindowMs"): {**PIPELINE, "output": {"steps": ["a"], "joinWindowMs": 5}},
    ("Pipeline", "spec.dataflow.cleanTopicsOnDelete"): {
        **PIPELINE,
        "dataflow": {"cleanTopicsOnDelete": True},
    },
    ("Monitor", "spec.features"): {**MONITOR, "features": {"step": "a"}},
    ("Monitor", "spec.segments"): {**MONITOR, "segments": {"header": "x-tenant"}},
    ("Pipeline", "spec.allowCycles"): {**PIPELINE, "allowCycles": True},
    ("Pipeline", "spec.maxStepRevisits"): {**PIPELINE, "maxStepRevisits": 5},
}


@pytest.mark.parametrize(("kind", "path"), SET)
def test_a_field_without_effect_is_noticed_and_one_that_is_refused_is_an_error(kind: str, path: str) -> None:
    whole = document(kind, **SET[kind, path])
    plain = path.replace("[0]", "[]")
    support = SUPPORT[RESOURCES[kind]][plain]
    if support.status is Status.REFUSED:
        with pytest.raises(Exception, match="is not supported") as caught:
            parse_document(whole)
        assert path in str(caught.value)
    else:
        assert (path, support) in list(unsupported_fields(parse_document(whole)))


def test_every_field_that_does_nothing_or_is_refused_is_tried_here() -> None:
    tried = {(kind, path.replace("[0]", "[]")) for kind, path in SET}
    expected = {
        (resource.__name__, path)
        for resource, table in SUPPORT.items()
        for path, support in table.items()
        if support.status in (Status.NO_EFFECT, Status.REFUSED) and path.startswith("spec.")
    }
    assert tried == expected
