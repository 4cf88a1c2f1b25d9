"""Loading a folder in a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from operators.core.tensors import Array, TensorColumn, Tensors
from operators.models.load import load_step
from operators.models.step import Step
from operators.resources.manifests import parse_document
from operators.resources.seldon_schema import Model
from operators.storage.digest import digest
from operators.storage.trusted_roots import ArtifactPolicy, make_policy


class Boom:
    """A pickle that writes a file when it is read."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.trace,)


def arm(folder: Path, trace: Path, **content: Any) -> Path:
    """Make a folder whose pickle leaves a trace when it is read."""
    folder.mkdir(parents=True)
    joblib.dump(Boom(trace), folder / "model.joblib")
    return settings(folder, **{"implementation": "mlserver_sklearn.SKLearnModel", **content})


TRUSTING = make_policy("/", "")


def model(name: str = "m", **spec: Any) -> Model:
    parsed = parse_document(
        {
            "apiVersion": "mlops.seldon.io/v1alpha1",
            "kind": "Model",
            "metadata": {"name": name},
            "spec": {"storageUri": "x", **spec},
        }
    )
    assert isinstance(parsed, Model)
    return parsed


def load(folder: Path, site: ArtifactPolicy = TRUSTING, **spec: Any) -> Step:
    return load_step(model(**spec), str(folder), digest(folder), site)


def settings(folder: Path, **content: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model-settings.json").write_text(json.dumps(content))
    return folder


def one_request(rows: Array, name: str = "x") -> Tensors:
    return {name: TensorColumn(rows, np.array([len(rows)], dtype=np.int64))}
