"""The example's manifests over the trained models, with windows of a test's own size."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from jobs.releases.explain import find_release
from jobs.releases.validation.manifests import check
from jobs.streaming.settings import Settings
from jobs.traffic.local.emitted_records import Emitted, EmittedDeadLetter, EmittedReport, EmittedResponse
from jobs.traffic.local.pipeline import LocalPipeline, LocalRequest
from operators.control.release import Release
from tests.support.paths import EXAMPLES

INCOME = EXAMPLES / "income"
SIZE = 100


def deploy(folder: Path, models: Path, batch: str = f"size: {SIZE}") -> Path:
    """Put the example beside the models; every batched step has this `batch`."""
    (folder / "models").symlink_to(models)
    manifests = shutil.copytree(INCOME, folder / "examples" / "income")
    for file in manifests.glob("*.yaml"):
        file.write_text(file.read_text().replace("size: 500", batch))
    return manifests


@cache
def _released(manifests: Path, models: Path) -> list[Release]:
    """Check manifests once for all that a test module does with them."""
    settings = _settings(manifests, models)
    return check([manifests], settings.topics, settings.site).require().releases


def _settings(manifests: Path, models: Path, **given: Any) -> Settings:
    return Settings(trusted_roots=str(models), artifact_cache=str(manifests.parent / "cache"), **given)


def local(
    manifests: Path, models: Path, name: str, *, external: bool = False, **settings: Any
) -> LocalPipeline:
    release = find_release(_released(manifests, models), name)
    return LocalPipeline(release, _settings(manifests, models, **settings), external=external)


def served_alone(model: Path, folder: Path) -> LocalPipeline:
    """Return a pipeline of one model's folder; its manifest and cache are in `folder`."""
    name, head = model.name, {"apiVersion": "mlops.seldon.io/v1alpha1"}
    documents = [
        {**head, "kind": "Model", "metadata": {"name": name}, "spec": {"storageUri": str(model)}},
        {
            **head,
            "kind": "Pipeline",
            "metadata": {"name": "alone"},
            "spec": {"steps": [{"name": name}], "output": {"steps": [name]}},
        },
    ]
    (folder / "all.yaml").write_text("\n---\n".join(map(json.dumps, documents)))
    job = Settings(trusted_roots=str(model.parent), artifact_cache=str(folder / "cache"))
    (release,) = check([folder / "all.yaml"], job.topics, job.site).require().releases
    return LocalPipeline(release, job)


def numbered(*values: bytes) -> list[LocalRequest]:
    return [LocalRequest(offset, value) for offset, value in enumerate(values)]


def responses(emitted: list[Emitted]) -> dict[int, dict[str, Any]]:
    """Return the tensors of each response by offset."""
    return {
        one.offset: {tensor["name"]: tensor for tensor in msgspec.json.decode(one.body)["outputs"]}
        for one in emitted
        if isinstance(one, EmittedResponse)
    }


def reports(emitted: list[Emitted], step: str) -> list[tuple[bool, dict[str, Any]]]:
    """Return a step's reports, each with whether the end of the data closed its window."""
    found = [
        (one.partial, msgspec.json.decode(one.body)) for one in emitted if isinstance(one, EmittedReport)
    ]
    return [(partial, report) for partial, report in found if report["parameters"]["step"] == step]


def letters(emitted: list[Emitted]) -> list[EmittedDeadLetter]:
    return [one for one in emitted if isinstance(one, EmittedDeadLetter)]
