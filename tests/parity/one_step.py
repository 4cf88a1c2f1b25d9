"""Weir's side: a pipeline of one step for each model folder, from bytes to bytes as in a worker."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from jobs.checking import check
from operators.artifacts.trust import make_site
from operators.engine import Engine
from operators.records import Records
from operators.serving import Models, serve
from operators.topics import Topics

TOPICS = Topics()
LIMIT = 50_000_000


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
        site = make_site(",".join(str(folder) for folder in folders.values()), str(manifests / "cache"))
        releases = check([manifests], TOPICS, site).require().releases
        self._engine = Engine(
            [serve(one, Models(site)) for one in releases], TOPICS, LIMIT, lambda pipeline: {}
        )

    def infer(self, model: str, *requests: bytes) -> list[Answer]:
        """Answer requests of one micro-batch; what a model warns of is no error, as in a worker."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answers = self._engine.answer(_records(model, requests))
        return [
            Answer(status, reason, msgspec.json.decode(body) if status == "answered" else body.decode())
            for status, reason, body in zip(answers.statuses, answers.reasons, answers.bodies, strict=True)
        ]


def _documents(name: str, folder: Path) -> dict[str, Any]:
    head = {"apiVersion": "mlops.seldon.io/v1alpha1"}
    spec = {"steps": [{"name": name}], "output": {"steps": [name]}}
    return {
        "model": {**head, "kind": "Model", "metadata": {"name": name}, "spec": {"storageUri": str(folder)}},
        "pipeline": {**head, "kind": "Pipeline", "metadata": {"name": _pipeline(name)}, "spec": spec},
    }


def _pipeline(model: str) -> str:
    return f"{model}-alone"


def _records(model: str, requests: tuple[bytes, ...]) -> Records:
    n = len(requests)
    return Records(
        values=requests,
        topics=[TOPICS.inputs(_pipeline(model))] * n,
        partitions=np.zeros(n, dtype=np.int64),
        offsets=np.arange(n),
        timestamps=np.zeros(n, dtype=np.int64),
        lengths=np.full(n, -1),
        infer_types=[None] * n,
        origins=[None] * n,
        readers=[""] * n,
    )
