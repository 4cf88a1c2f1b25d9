"""How Weir treats each manifest field: supported, improved, without effect or refused.

The tables in docs/manifests.md are generated from this module (`make docs`).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple, get_args, get_origin

import msgspec

from operators.resources.monitor_schema import Monitor
from operators.resources.seldon_schema import Model, Pipeline

Resource = Model | Pipeline | Monitor


class Status(StrEnum):
    """How Weir treats a field."""

    SUPPORTED = "supported"
    IMPROVED = "improved"
    NO_EFFECT = "no effect"
    REFUSED = "refused"


class Support(NamedTuple):
    """A field's status, and what the field does, or why it has no effect or is refused."""

    status: Status
    text: str


def _supported(text: str) -> Support:
    return Support(Status.SUPPORTED, text)


def _improved(text: str) -> Support:
    return Support(Status.IMPROVED, text)


def _no_effect(text: str) -> Support:
    return Support(Status.NO_EFFECT, text)


def _refused(text: str) -> Support:
    return Support(Status.REFUSED, text)


_METADATA = {
    "metadata.name": _supported("lower-case letters, digits, inner dashes and underscores"),
    "metadata.namespace": _no_effect("topics take the namespace of the command, `--namespace`"),
    "metadata.*": _no_effect("labels, annotations and other metadata are only for Kubernetes"),
}
_SHARED = {
    "apiVersion": _supported("mlops.seldon.io/v1alpha1"),
    **_METADATA,
    "status": _no_effect("Kubernetes wrote it when the document was exported"),
}
_WORKERS = "the job's `--parallelism` is the number of workers"
_RATE = "fires if the share of {} is significantly higher; default {}"
_OVER = "period that is measured, such as `90s` or `5m`; default 1m"
_NOT_YET = _refused("it is not implemented yet; remove it")
_JOINED = "inputs are joined within a micro-batch, so none is waited for"

SUPPORT: dict[type, dict[str, Support]] = {
    Model: {
        **_SHARED,
        "kind": _supported("Model"),
        "spec.storageUri": _improved(
            "a folder, file://, or a [store](stores.md); cached by digest, loaded only if unchanged"
        ),
        "spec.requirements[]": _supported(
            "sklearn, alibi-detect, xgboost, lightgbm, weir-quality; used without a model-settings.json"
        ),
        "spec.modelType": _supported("used as one more requirement"),
        "spec.artifactVersion": _supported("number of the folder to load; default: the highest number"),
        "spec.schemaUri": _no_effect("Seldon does not read it either"),
        "spec.secretName": _no_effect("credentials come from the environment of the command and the workers"),
        "spec.memory": _improved("compared with the memory that loading was measured to take"),
        "spec.replicas": _no_effect(_WORKERS),
        "spec.minReplicas": _no_effect(_WORKERS),
        "spec.maxReplicas": _no_effect(_WORKERS),
        "spec.server": _no_effect("there are no inference servers; models run in Flink's workers"),
        "spec.preloaded": _no_effect("every model of a live pipeline is loaded"),
        "spec.dedicated": _no_effect("there are no inference servers; models run in Flink's workers"),
        "spec.logger": _no_effect("requests, responses and dead letters are already on topics"),
        "spec.explainer": _refused("Weir does not run explainers; remove it"),
        "spec.llm": _refused("Weir does not run language models; remove it"),
        "spec.parameters[].name": _supported("added to `extra` of model-settings.json"),
        "spec.parameters[].value": _supported("as a string, as Seldon does"),
        "spec.dataflow.cleanTopicsOnDelete": _no_effect("Weir deletes no topics"),
    },
    Pipeline: {
        **_SHARED,
        "kind": _supported("Pipeline"),
        "spec.steps[].name": _supported("the name of a Model"),
        "spec.steps[].inputs[]": _supported(
            "`X`, `X.inputs` or `X.outputs`; a single tensor as `X.outputs.TENSOR`"
        ),
        "spec.steps[].inputsJoinType": _improved(
            "inner: all inputs; outer: those that exist; any: the first that exists, in the order of "
            "`inputs`; a request always has one response"
        ),
        "spec.steps[].joinWindowMs": _no_effect(_JOINED),
        "spec.steps[].tensorMap": _supported(
            "renames tensors; a reference that the step does not read is an error"
        ),
        "spec.steps[].triggers[]": _improved("as inputs; a trigger that names no step is an error"),
        "spec.steps[].triggersJoinType": _supported("inner: all triggers; outer and any: at least one"),
        "spec.steps[].batch.size": _improved(
            "exact number of rows of a window; open windows are in checkpointed state"
        ),
        "spec.steps[].batch.windowMs": _improved(
            "closes a window that does not fill within these milliseconds"
        ),
        "spec.steps[].batch.rolling": _improved(
            "windows overlap: each begins a tenth of its size after the one before"
        ),
        "spec.input.externalInputs[]": _improved(
            "inputs, outputs or one step of one other pipeline, which runs in Weir or in Seldon"
        ),
        "spec.input.externalTriggers[]": _refused("use externalInputs, or triggers inside the pipeline"),
        "spec.input.joinWindowMs": _no_effect(
            "there is only one external input, so there is nothing to join"
        ),
        "spec.input.joinType": _no_effect("there is only one external input, so there is nothing to join"),
        "spec.input.triggersJoinType": _no_effect("there are no external triggers"),
        "spec.input.tensorMap": _supported("renames tensors of the external input"),
        "spec.output.steps[]": _supported(
            "as inputs; a batched drift step shows `is_drift` of its last window, a batched data quality "
            "step its `issues` and `violations`"
        ),
        "spec.output.joinWindowMs": _no_effect(_JOINED),
        "spec.output.stepsJoin": _improved("as inputsJoinType"),
        "spec.output.tensorMap": _supported("renames tensors of the response"),
        "spec.dataflow.cleanTopicsOnDelete": _no_effect("Weir deletes no topics"),
        "spec.allowCycles": _refused("a pipeline must have no cycle"),
        "spec.maxStepRevisits": _refused("a pipeline must have no cycle"),
    },
    Monitor: {
        "apiVersion": _supported("weir/v1alpha1"),
        **_METADATA,
        "kind": _supported("Monitor"),
        "spec.pipeline": _supported("a Pipeline in the same manifests; a Pipeline has at most one Monitor"),
        "spec.drift[].step": _supported("a step with a batch that runs a drift detector"),
        "spec.drift[].of": _supported("`predictions`: the alert is WeirPredictionDrift instead of WeirDrift"),
        "spec.drift[].severity.critical": _supported(
            "effect size from which a drift is critical; default 0.3"
        ),
        "spec.drift[].min_n": _supported("windows with fewer rows are INSUFFICIENT_DATA; default `--min-n`"),
        "spec.drift[].min_effect": _supported("a smaller effect is not DRIFT; default `--min-effect`"),
        "spec.drift[].confirm": _supported("consecutive windows that confirm a drift; default `--confirm`"),
        "spec.drift[].resolve": _supported("consecutive windows that resolve it; default `--resolve`"),
        "spec.drift[].sharded": _supported(
            "count the rows in each subtask of infer, for windows of 20,000 rows or more (docs/scaling.md)"
        ),
        "spec.quality[].step": _supported("a step with a batch that runs a data quality check"),
        "spec.quality[].min_n": _supported(
            "windows with fewer rows are INSUFFICIENT_DATA; default `--min-n`"
        ),
        "spec.quality[].tolerance": _supported(
            "share of bad values above which a window may be a VIOLATION (missing values: above the "
            "reference's own share plus this); default `--tolerance`"
        ),
        "spec.quality[].confirm": _supported(
            "consecutive windows that confirm a violation; default `--confirm`"
        ),
        "spec.quality[].resolve": _supported("consecutive windows that resolve it; default `--resolve`"),
        "spec.quality[].sharded": _supported("as of drift"),
        "spec.outliers[].step": _supported("a step with the output `is_outlier`"),
        "spec.outliers[].rate.warning": _supported(_RATE.format("rows", "0.15")),
        "spec.outliers[].rate.critical": _supported(_RATE.format("rows", "0.5")),
        "spec.outliers[].over": _supported(_OVER),
        "spec.errors.rate.warning": _supported(_RATE.format("requests", "0.01")),
        "spec.errors.rate.critical": _supported(_RATE.format("requests", "0.1")),
        "spec.errors.over": _supported(_OVER),
        "spec.latency.p99_ms.warning": _supported(
            "99th percentile in milliseconds above which a warning fires"
        ),
        "spec.latency.p99_ms.critical": _supported(
            "the same for a critical alert; without `latency` there is no alert"
        ),
        "spec.latency.over": _supported(_OVER),
        "spec.no_data.after": _supported(
            "time without requests after which an alert fires; without `no_data` there is none"
        ),
        "spec.resend": _supported("interval at which a firing alert is published again; default 5m"),
        "spec.runbook": _supported("URL of a page with a section for each alert"),
        "spec.redact[]": _supported(
            "a feature whose name and values appear in no report, alert, metric or tap"
        ),
        "spec.features": _NOT_YET,
        "spec.segments": _NOT_YET,
    },
}


def fields(type_: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every field of a resource, such as `spec.steps[].name`.

    Metadata that only Kubernetes uses has the path `metadata.*`.
    """
    for field in msgspec.structs.fields(type_):
        field_path = f"{path}.{field.encode_name}" if path else field.encode_name
        yield from _fields(field.type, field_path)


def _fields(type_: Any, path: str) -> Iterator[str]:
    inner = structure(type_)
    if inner is not None:
        yield from fields(inner, path)
    elif get_origin(type_) is list:
        yield from _fields(get_args(type_)[0], f"{path}[]")
    elif path.startswith("metadata.") and path not in ("metadata.name", "metadata.namespace"):
        yield "metadata.*"
    else:
        yield path


def structure(type_: Any) -> type[msgspec.Struct] | None:
    """Return the struct in a field's type, which may be optional; None for any other type."""
    for option in get_args(type_) or (type_,):
        if isinstance(option, type) and issubclass(option, msgspec.Struct) and get_origin(type_) is not list:
            return option
    return None


def unsupported_fields(document: Resource) -> Iterator[tuple[str, Support]]:
    """Yield the path and support of every field that is set, and that is refused or has no effect."""
    table = SUPPORT[type(document)]
    for path, table_path in _set_fields(document, "", ""):
        support = table.get(table_path)
        if support and support.status in (Status.NO_EFFECT, Status.REFUSED):
            yield path, support


def _set_fields(value: Any, path: str, table_path: str) -> Iterator[tuple[str, str]]:
    """Yield the path of each field that differs from its default, and its path in `SUPPORT`."""
    for field in msgspec.structs.fields(value):
        item = getattr(value, field.name)
        if item == field.default or (not item and field.default is msgspec.NODEFAULT):
            continue
        item_path, item_table_path = f"{path}{field.encode_name}", f"{table_path}{field.encode_name}"
        if isinstance(item, msgspec.Struct):
            yield from _set_fields(item, f"{item_path}.", f"{item_table_path}.")
        elif isinstance(item, list):
            for i, element in enumerate(item):
                if isinstance(element, msgspec.Struct):
                    yield from _set_fields(element, f"{item_path}[{i}].", f"{item_table_path}[].")
                else:
                    yield f"{item_path}[{i}]", f"{item_table_path}[]"
        else:
            yield item_path, item_table_path
