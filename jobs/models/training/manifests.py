"""Writing the manifests of a pipeline for trained model folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from jobs.models.training.model_folders import ALIBI_DETECT, DATA_QUALITY, SKLEARN

_API = "mlops.seldon.io/v1alpha1"
_REQUIREMENTS = {SKLEARN: "sklearn", ALIBI_DETECT: "alibi-detect", DATA_QUALITY: "weir-quality"}


def write_manifests(out: Path, name: str, folders: Mapping[Path, str], window: int) -> Path:
    """Write `NAME.yaml` with a Model for each folder and a Pipeline of them; return its path.

    With a classifier, the preprocessor feeds the classifier and the detectors, and responses contain their
    outputs. Without a classifier, the pipeline only monitors its requests.
    """
    suffixes = {folder.name.removeprefix(name) for folder in folders}
    models = [_model(folder, runtime) for folder, runtime in folders.items() if folder.name != name]
    documents = [*models, _pipeline(name, suffixes, window)]
    path = out / f"{name}.yaml"
    head = f"# Written by `weir train`. Apply it with: weir apply -f {path}\n"
    path.write_text(head + yaml.safe_dump_all(documents, sort_keys=False), "utf-8")
    return path


def _model(folder: Path, runtime: str) -> dict[str, Any]:
    spec = {"storageUri": f"./{folder.name}", "requirements": [_REQUIREMENTS[runtime]]}
    return {"apiVersion": _API, "kind": "Model", "metadata": {"name": folder.name}, "spec": spec}


def _pipeline(name: str, suffixes: set[str], window: int) -> dict[str, Any]:
    included = suffixes if "-classifier" in suffixes else suffixes - {"-prediction-drift"}
    steps = [_step(name, suffix, suffixes, window) for suffix in _STEPS if suffix in included]
    outputs = [f"{name}{suffix}.outputs.{tensor}" for suffix, tensor in _OUTPUTS if suffix in suffixes]
    metadata = {"name": f"{name}-monitored"}
    spec = {"steps": steps, "output": {"steps": outputs}}
    return {"apiVersion": _API, "kind": "Pipeline", "metadata": metadata, "spec": spec}


def _step(name: str, suffix: str, suffixes: set[str], window: int) -> dict[str, Any]:
    step: dict[str, Any] = {"name": f"{name}{suffix}"}
    reads_preprocessed = suffix in ("-classifier", "-outlier", "-drift-preprocessed")
    if reads_preprocessed and "-preprocess" in suffixes:
        step["inputs"] = [f"{name}-preprocess"]
    if suffix == "-prediction-drift":
        predictions = f"{name}-classifier.outputs"
        step["inputs"] = [f"{predictions}.predict", f"{predictions}.predict_proba"]
    if suffix in _BATCHED:
        step["batch"] = {"size": window}
    return step


_BATCHED = {"-drift", "-drift-preprocessed", "-prediction-drift", "-quality"}
_STEPS = (
    "-preprocess",
    "-classifier",
    "-outlier",
    "-drift",
    "-drift-preprocessed",
    "-prediction-drift",
    "-quality",
)
_OUTPUTS = (
    ("-classifier", "predict"),
    ("-outlier", "is_outlier"),
    ("-outlier", "instance_score"),
    ("-quality", "violations"),
    ("-drift", "is_drift"),
)
