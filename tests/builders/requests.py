"""Requests to the example models, as records of a micro-batch, and what is in the responses."""

from __future__ import annotations

from itertools import chain
from typing import Any

import msgspec
import numpy as np

from operators.core.micro_batch import RequestBatch, ResponseBatch
from operators.kafka.topics import Topics
from operators.metrics.pipeline_tally import is_tally
from operators.rows.chunks import Chunk, decode

TOPICS = Topics()
# An ordinary row of the generated people.
GOOD = [40.0, 2, 1, 1, 3, 0, 3, 1, 0, 0, 40, 4]


def request(*rows: list[Any], id_: str = "id", name: str = "x") -> bytes:
    shape = [len(rows), len(rows[0])]
    tensor = {"name": name, "shape": shape, "datatype": "FP64", "data": list(chain(*rows))}
    return msgspec.json.encode({"id": id_, "inputs": [tensor]})


def records(*values: bytes | None, pipeline: str = "income-workflow", lengths: Any = None) -> RequestBatch:
    n = len(values)
    return RequestBatch(
        list(values),
        [TOPICS.inputs(pipeline)] * n,
        np.arange(n) % 2,
        np.arange(n) + 100,
        np.arange(n) + 1_700_000_000_000,
        np.full(n, -1) if lengths is None else np.array(lengths),
        [None] * n,
        [None] * n,
        [""] * n,
    )


def outputs(answers: ResponseBatch, i: int) -> dict[str, Any]:
    assert answers.statuses[i] == "answered", answers.bodies[i]
    body = msgspec.json.decode(answers.bodies[i] or b"")
    return {tensor["name"]: tensor for tensor in body["outputs"]}


def chunks_of(answers: ResponseBatch) -> list[Chunk]:
    return [chunk for some in answers.chunks for chunk in chunks_in(some)]


def chunks_in(messages: list[bytes] | None) -> list[Chunk]:
    """Decode the chunks among the messages for the monitor with one record."""
    return [decode(one) for one in messages or () if not is_tally(one)]
