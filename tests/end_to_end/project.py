"""One user's manifests and models, applied again and again to a running job."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline

from jobs.releases.apply import Applied, apply
from operators.kafka.connection import Connection
from operators.models.probe import write_probe
from operators.storage.trusted_roots import ArtifactPolicy, make_policy

_MODEL = """
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {{name: {0}}}
spec: {{storageUri: {1}/{2}}}
"""


class Project:
    """A folder with a copy of the trained models, and manifests of one pipeline over them."""

    def __init__(self, folder: Path, models: Path) -> None:
        self.folder = folder
        self.models = shutil.copytree(models, folder / "models")
        self.manifests = folder / "manifests"
        self.manifests.mkdir()

    def site(self, root: Path | None = None) -> ArtifactPolicy:
        return make_policy(str(root or self.models), str(self.folder / "cache"))

    def write(self, name: str, spec: dict[str, Any], **folders: str) -> Path:
        """Write a pipeline's manifests; by default a folder has the name of its model."""
        names = [step["name"] for step in spec["steps"]]
        places = {one: folders.get(one.replace("-", "_"), f"models/{one}") for one in names}
        documents = [_MODEL.format(one, self.folder, place) for one, place in places.items()]
        pipeline = {
            "apiVersion": "mlops.seldon.io/v1alpha1",
            "kind": "Pipeline",
            "metadata": {"name": name},
            "spec": spec,
        }
        file = self.manifests / f"{name}.yaml"
        file.write_text("\n---\n".join([*documents, json.dumps(pipeline)]))
        return file

    def apply(self, connection: Connection, name: str, spec: dict[str, Any], message: str = "") -> Applied:
        return apply([self.write(name, spec)], connection, self.site(), message).applied[-1]

    def retrain(self, name: str, seed: int) -> None:
        """Put another classifier into the folder of one, where it was."""
        path = self.models / name / "model.joblib"
        before = joblib.load(path)
        rows = np.load(self.models / "holdout.npy")
        after = RandomForestClassifier(n_estimators=20, random_state=seed)
        prepared = before[:-1].transform(rows)
        model = make_pipeline(before[:-1], after.fit(prepared, before.predict(rows)))
        joblib.dump(model, path)
        write_probe(path.parent, rows[:5], {"predict": model.predict(rows[:5])})
