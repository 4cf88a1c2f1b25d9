"""Weir's side: a pipeline of one step for each model folder, from bytes to bytes as in a worker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from jobs.releases.validation.manifests import check
from jobs.streaming.settings import MOST_RECORD_BYTES, Settings
from jobs.traffic.local.emitted_records import EmittedDeadLetter, EmittedResponse
from jobs.traffic.local.pipeline import LocalPipeline, LocalRequest


class Answer(NamedTuple):
    """What a pipeline made of a request: `body` is the response, for a failed request the error's text."""

    status: str
    reason: str | None
    body: Any


class Weir:
    """Answers with the release of a pipeline for each model, unbatched, named like its model."""

    def __init__(self, folders: Mapping[str, Path], manifests: Path) -> None:
        for name, folder in folders.items():
            for kind, document in _documents(name, folder).items():
                (manifests / f"{kind}-{name}.json").write_bytes(msgspec.json.encode(document))
        roots = ",".join(str(folder) for folder in folders.values())
        settings = Settings(
            trusted_roots=roots,
            artifact_cache=str(manifests / "cache"),
            max_record_bytes=MOST_RECORD_BYTES,
        )
        releases = check([manifests], settings.topics, settings.site).require().releases
        self._pipelines = {release.name: LocalPipeline(release, settings) for release in releases}

    def infer(self, model: str, *requests: bytes) -> list[Answer]:
        """Answer requests of one micro-batch."""
        sent = [LocalRequest(offset, value) for offset, value in enumerate(requests)]
        answers: list[Answer] = []
        for one in self._pipelines[_pipeline(model)].answer(sent):
            if isinstance(one, EmittedResponse):
                answers.append(Answer("answered", None, msgspec.json.decode(one.body)))
            elif isinstance(one, EmittedDeadLetter) and one.failed:
                answers.append(Answer("failed", one.reason, one.message))
        return answers


def _documents(name: str, folder: Path) -> dict[str, Any]:
    head = {"apiVersion": "mlops.seldon.io/v1alpha1"}
    spec = {"steps": [{"name": name}], "output": {"steps": [name]}}
    return {
        "model": {**head, "kind": "Model", "metadata": {"name": name}, "spec": {"storageUri": str(folder)}},
        "pipeline": {**head, "kind": "Pipeline", "metadata": {"name": _pipeline(name)}, "spec": spec},
    }


def _pipeline(model: str) -> str:
    return f"{model}-alone"
