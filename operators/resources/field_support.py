"""What becomes of every field of the three resources; the table in docs/manifests.md is made from this."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple, get_args, get_origin

import msgspec

from operators.resources.monitor_schema import Monitor
from operators.resources.seldon_schema import Model, Pipeline

Resource = Model | Pipeline | Monitor


class Status(StrEnum):
    """How far a field is honoured."""

    SUPPORTED = "supported"
    IMPROVED = "improved"
    NO_EFFECT = "no effect"
    REFUSED = "refused"


class Support(NamedTuple):
    """A field's status, and what it does, does better, or why it does not."""

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
    "metadata.*": _no_effect("labels, annotations and what Kubernetes adds are for Kubernetes"),
}
_SHARED = {
    "apiVersion": _supported("mlops.seldon.io/v1alpha1"),
    **_METADATA,
    "status": _no_effect("what Kubernetes wrote when the document was exported"),
}
_WORKERS = "how many workers there are is the job's `--parallelism`"
_RATE = "share of {} that is surely too many; else {}"
_OVER = "of the last so many seconds, as `90s` or `5m`; else 1m"
_NOT_YET = _refused("not yet; leave it out")
_JOINED = "inputs are joined within the micro-batch, so nothing waits for them"

SUPPORT: dict[type, dict[str, Support]] = {
    Model: {
        **_SHARED,
        "kind": _supported("Model"),
        "spec.storageUri": _improved(
            "a folder, file://, or a [store](#stores); kept by digest, loaded only unchanged"
        ),
        "spec.requirements[]": _supported(
            "sklearn, alibi-detect, xgboost, lightgbm, weir-quality, where there is no model-settings.json"
        ),
        "spec.modelType": _supported("one more requirement"),
        "spec.artifactVersion": _supported("the folder of that number; without it the highest"),
        "spec.schemaUri": _no_effect("Seldon does not read it either"),
        "spec.secretName": _no_effect("credentials are those of the environment of command and workers"),
        "spec.memory": _improved("compared with what loading was measured to take"),
        "spec.replicas": _no_effect(_WORKERS),
        "spec.minReplicas": _no_effect(_WORKERS),
        "spec.maxReplicas": _no_effect(_WORKERS),
        "spec.server": _no_effect("there are no inference servers, models run in Flink's workers"),
        "spec.preloaded": _no_effect("every model of a live pipeline is loaded"),
        "spec.dedicated": _no_effect("there are no inference servers, models run in Flink's workers"),
        "spec.logger": _no_effect("requests, responses and dead letters are on their topics"),
        "spec.explainer": _refused("explainers do not run here; leave it out"),
        "spec.llm": _refused("language models do not run here; leave it out"),
        "spec.parameters[].name": _supported("added to `extra` of model-settings.json"),
        "spec.parameters[].value": _supported("as a string, as Seldon does"),
        "spec.dataflow.cleanTopicsOnDelete": _no_effect("nothing here deletes topics"),
    },
    Pipeline: {
        **_SHARED,
        "kind": _supported("Pipeline"),
        "spec.steps[].name": _supported("the name of a Model"),
        "spec.steps[].inputs[]": _supported("`X`, `X.inputs`, `X.outputs`, each with a tensor or without"),
        "spec.steps[].inputsJoinType": _improved(
            "inner; outer takes what is there; any the first in the order of `inputs`, so one answer a "
            "request"
        ),
        "spec.steps[].joinWindowMs": _no_effect(_JOINED),
        "spec.steps[].tensorMap": _supported("renames tensors; a place that is not read is an error"),
        "spec.steps[].triggers[]": _improved("as inputs; one that names no step is an error"),
        "spec.steps[].triggersJoinType": _supported("inner, or outer and any: at least one"),
        "spec.steps[].batch.size": _improved("windows of exactly so many rows, kept in checkpointed state"),
        "spec.steps[].batch.windowMs": _improved("closes a window that does not fill"),
        "spec.steps[].batch.rolling": _improved("windows overlap: each moves on by a tenth of its size"),
        "spec.input.externalInputs[]": _improved(
            "one other pipeline's inputs, outputs or step; here or in Seldon"
        ),
        "spec.input.externalTriggers[]": _refused("use externalInputs, or triggers inside the pipeline"),
        "spec.input.joinWindowMs": _no_effect("there is one external input, so nothing to join"),
        "spec.input.joinType": _no_effect("there is one external input, so nothing to join"),
        "spec.input.triggersJoinType": _no_effect("there are no external triggers"),
        "spec.input.tensorMap": _supported("renames tensors of the external input"),
        "spec.output.steps[]": _supported(
            "as inputs; of a batched drift step the last window's `is_drift`, of a batched data quality step "
            "its `issues` and `violations`"
        ),
        "spec.output.joinWindowMs": _no_effect(_JOINED),
        "spec.output.stepsJoin": _improved("as inputsJoinType"),
        "spec.output.tensorMap": _supported("renames tensors of the response"),
        "spec.dataflow.cleanTopicsOnDelete": _no_effect("nothing here deletes topics"),
        "spec.allowCycles": _refused("a pipeline must have no cycle"),
        "spec.maxStepRevisits": _refused("a pipeline must have no cycle"),
    },
    Monitor: {
        "apiVersion": _supported("weir/v1alpha1"),
        **_METADATA,
        "kind": _supported("Monitor"),
        "spec.pipeline": _supported("a Pipeline of the same manifests; it has one Monitor at most"),
        "spec.drift[].step": _supported("a drift detector with a batch"),
        "spec.drift[].of": _supported("`predictions` names its alert WeirPredictionDrift, not WeirDrift"),
        "spec.drift[].severity.critical": _supported("effect size from which on it is critical; else 0.3"),
        "spec.drift[].min_n": _supported("windows of fewer rows are INSUFFICIENT_DATA; else `--min-n`"),
        "spec.drift[].min_effect": _supported("a smaller difference is no DRIFT; else `--min-effect`"),
        "spec.drift[].confirm": _supported("windows in a row that confirm a drift; else `--confirm`"),
        "spec.drift[].resolve": _supported("windows in a row that resolve it; else `--resolve`"),
        "spec.quality[].step": _supported("a data quality check with a batch"),
        "spec.quality[].min_n": _supported("windows of fewer rows are INSUFFICIENT_DATA; else `--min-n`"),
        "spec.quality[].tolerance": _supported(
            "share of bad values, besides those that the reference misses, above which a window may be a "
            "VIOLATION; else `--tolerance`"
        ),
        "spec.quality[].confirm": _supported("windows in a row that confirm a violation; else `--confirm`"),
        "spec.quality[].resolve": _supported("windows in a row that resolve it; else `--resolve`"),
        "spec.outliers[].step": _supported("a step that answers `is_outlier`"),
        "spec.outliers[].rate.warning": _supported(_RATE.format("rows", "0.15")),
        "spec.outliers[].rate.critical": _supported(_RATE.format("rows", "0.5")),
        "spec.outliers[].over": _supported(_OVER),
        "spec.errors.rate.warning": _supported(_RATE.format("requests", "0.01")),
        "spec.errors.rate.critical": _supported(_RATE.format("requests", "0.1")),
        "spec.errors.over": _supported(_OVER),
        "spec.latency.p99_ms.warning": _supported("99th percentile in milliseconds above which it warns"),
        "spec.latency.p99_ms.critical": _supported(
            "the same for critical; without `latency` there is no alert"
        ),
        "spec.latency.over": _supported(_OVER),
        "spec.no_data.after": _supported("duration without a request; without `no_data` there is no alert"),
        "spec.resend": _supported("after which duration a firing alert is sent again; else 5m"),
        "spec.runbook": _supported("URL of a page with a section for each alert"),
        "spec.redact[]": _supported(
            "a feature whose name and values leave in no report, alert, metric or tap"
        ),
        "spec.features": _NOT_YET,
        "spec.segments": _NOT_YET,
    },
}


def fields(type_: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every field of a resource, lists as `[]`; metadata for Kubernetes as one."""
    for field in msgspec.structs.fields(type_):
        here = f"{path}.{field.encode_name}" if path else field.encode_name
        yield from _fields(field.type, here)


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
    """Return the structure that a field's type is, also where it may be absent."""
    for one in get_args(type_) or (type_,):
        if isinstance(one, type) and issubclass(one, msgspec.Struct) and get_origin(type_) is not list:
            return one
    return None


def judged(document: Resource) -> Iterator[tuple[str, Support]]:
    """Yield path and support of every field that is set and refused or without effect."""
    table = SUPPORT[type(document)]
    for path, plain in _set(document, "", ""):
        support = table.get(plain)
        if support and support.status in (Status.NO_EFFECT, Status.REFUSED):
            yield path, support


def _set(value: Any, path: str, plain: str) -> Iterator[tuple[str, str]]:
    """Yield each field that differs from its default, as its path and as the table names it."""
    for field in msgspec.structs.fields(value):
        item = getattr(value, field.name)
        if item == field.default or (not item and field.default is msgspec.NODEFAULT):
            continue
        here, there = f"{path}{field.encode_name}", f"{plain}{field.encode_name}"
        if isinstance(item, msgspec.Struct):
            yield from _set(item, f"{here}.", f"{there}.")
        elif isinstance(item, list):
            for i, one in enumerate(item):
                if isinstance(one, msgspec.Struct):
                    yield from _set(one, f"{here}[{i}].", f"{there}[].")
                else:
                    yield f"{here}[{i}]", f"{there}[]"
        else:
            yield here, there
