"""Pipelines over trained models: manifests, releases, loaded pipelines and an engine that serves them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from jobs.releases.validation.manifests import check
from operators.control.release import Release
from operators.inference.engine import Engine
from operators.models.runtimes.batched import WindowVerdict
from operators.pipeline.load import LoadedPipeline, ModelCache, load_pipeline
from operators.storage.trusted_roots import make_policy
from tests.builders.requests import TOPICS

MODEL = """
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {{name: {0}}}
spec: {{storageUri: {1}/{0}}}
"""


def released(folder: Path, models: Path, *pipelines: dict[str, Any]) -> list[Release]:
    """Check pipelines (name → spec) over the trained models."""
    folder.mkdir(exist_ok=True)
    names = sorted({step["name"] for spec in pipelines for step in spec["spec"]["steps"]})
    documents = [MODEL.format(name, models) for name in names]
    documents += [json.dumps(pipeline) for pipeline in pipelines]
    (folder / "all.yaml").write_text("\n---\n".join(documents))
    return check([folder], TOPICS, make_policy(str(models), str(folder / "cache"))).require().releases


def live(folder: Path, models: Path, *pipelines: dict[str, Any]) -> list[LoadedPipeline]:
    releases = released(folder, models, *pipelines)
    site = make_policy(str(models), str(folder / "cache"))
    return [
        load_pipeline(msgspec.structs.replace(release, generation=1), ModelCache(site))
        for release in releases
    ]


def pipeline(name: str, steps: list[dict[str, Any]], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": name},
        "spec": {"steps": steps, **spec},
    }


def engine(served: list[LoadedPipeline], limit: int = 1_000_000, **verdicts: WindowVerdict) -> Engine:
    return Engine(served, TOPICS, limit, lambda pipeline: verdicts)
