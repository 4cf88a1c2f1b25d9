"""Pipelines to look at: two, six and twelve steps, joins, skips, and names as long as they may be."""

from __future__ import annotations

from typing import Any

from operators.control.release import Artifact, Release

TWO: list[dict[str, Any]] = [{"name": "prepare"}, {"name": "drift", "batch": {"size": 400}}]
SIX: list[dict[str, Any]] = [
    {"name": "income-preprocess"},
    {"name": "income-classifier", "inputs": ["income-preprocess"]},
    {"name": "income-outlier", "inputs": ["income-preprocess"]},
    {"name": "income-drift-preprocessed", "inputs": ["income-preprocess"], "batch": {"size": 400}},
    {
        "name": "income-prediction-drift",
        "inputs": ["income-classifier.outputs.predict", "income-classifier.outputs.predict_proba"],
        "batch": {"size": 400},
    },
    {"name": "income-quality", "batch": {"size": 400}},
]
_LONG = "features-of-merchants-and-of-their-customers-in-the-last-ninety-days-by-country-and-by-currency"
TWELVE: list[dict[str, Any]] = [
    {"name": "parse"},
    {"name": "look-up", "inputs": ["parse", "p"], "inputsJoinType": "inner"},
    {"name": _LONG, "inputs": ["look-up"]},
    {"name": "withoutanyhyphenatallbutstillquitelongasnamesgo", "inputs": [_LONG, "parse"]},
    {"name": "router", "inputs": ["withoutanyhyphenatallbutstillquitelongasnamesgo"]},
    {"name": "model-a", "inputs": ["router.outputs.a", _LONG]},
    {"name": "model-b", "inputs": ["router.outputs.b"], "triggers": ["parse"]},
    {"name": "combine", "inputs": ["model-a", "model-b", "look-up"], "inputsJoinType": "any"},
    {"name": "outlier", "inputs": [_LONG]},
    {"name": "drift", "inputs": [_LONG], "batch": {"size": 400}},
    {"name": "prediction-drift", "inputs": ["combine.outputs.predict"], "batch": {"size": 400}},
    {"name": "quality", "batch": {"size": 400}},
]
PIPELINES = {"two": TWO, "six": SIX, "twelve": TWELVE}
OUTPUTS = {
    "two": ["prepare"],
    "six": ["income-classifier", "income-outlier", "income-drift-preprocessed.outputs.is_drift"],
    "twelve": ["combine", "outlier", "parse.outputs.id", "quality.outputs.violations"],
}


def release_of(
    steps: list[dict[str, Any]], output: list[str], monitor: dict[str, Any] | None = None
) -> Release:
    pipeline = {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": "p"},
        "spec": {"steps": steps, "output": {"steps": output}},
    }
    names = [step["name"] for step in steps]
    return Release(
        name="p",
        generation=3,
        pipeline=pipeline,
        models=[],
        monitor=monitor,
        artifacts={name: Artifact(name, f"sha256:{name}") for name in names},
        topics=[],
        created_at="2026-01-02T03:04:05+00:00",
        created_by="ana",
        message="<b>first</b>",
    )
