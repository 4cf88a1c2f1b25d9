"""The example pipelines as they would be live, and records for them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from jobs.releases.validation.manifests import check
from operators.core.micro_batch import RequestBatch
from operators.inference.engine import Engine
from operators.kafka.topics import Topics
from operators.pipeline.load import ModelCache, load_pipeline
from operators.storage.trusted_roots import make_policy
from tests.support.paths import EXAMPLES

PIPELINES = ("income-workflow", "income-production")
TOPICS = Topics()
_INCOME = EXAMPLES / "income"


@cache
def engine_of_examples(models: Path) -> Engine:
    """Serve the examples with the models of a folder, which nothing changes."""
    manifests = models.parent / "manifests" / "income"  # their storageUri are ../../models/…
    if not manifests.exists():
        shutil.copytree(_INCOME, manifests)
    site = make_policy(str(models), "")
    releases = check([manifests], TOPICS, site).require().releases
    served = [
        load_pipeline(msgspec.structs.replace(release, generation=5), ModelCache(site))
        for release in releases
    ]
    return Engine(served, TOPICS, 100_000_000, lambda pipeline: {})


def records_of(
    pipeline: str, values: Sequence[bytes], infer_types: Sequence[str | None] | None = None
) -> RequestBatch:
    """Records of a pipeline's own topic."""
    n = len(values)
    return RequestBatch(
        values=values,
        topics=[TOPICS.inputs(pipeline)] * n,
        partitions=np.zeros(n, dtype=np.int64),
        offsets=np.arange(n),
        timestamps=np.arange(n),
        lengths=np.full(n, -1),
        infer_types=infer_types or [None] * n,
        origins=[None] * n,
        readers=[""] * n,
    )
