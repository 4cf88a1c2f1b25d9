"""Drift reports: a closed window's verdict as a V2 response, with what it was made from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from detectors.judgement import Judgement, State, ranked
from detectors.results import DriftResult
from operators.chunks import Chunk
from operators.columns import Array, Column, Tensors
from operators.plan import Flag
from operators.protocol.responses import encode_response
from operators.steps.detect_drift import DetectDrift, drift_tensors

_ONE = np.ones(1, dtype=np.int64)


def report(chunk: Chunk, window: int, step: DetectDrift, judgement: Judgement, digest: str) -> bytes:
    """Test a full window and tell the verdict."""
    result = step.detector.test(chunk.rows)
    tensors = {name: Column(values, _ONE) for name, values in _tensors(result, step).items()}
    state = judgement.state(result, len(chunk.rows))
    about = {
        "correction": step.detector.correction,
        "min_n": judgement.min_n,
        "min_effect": judgement.min_effect,
        "reference_n": step.detector.n_reference,
        "detector": digest,
        "ranked": ranked(result, step.features),
        "features": list(_features(result, step)),
    }
    return _encode(chunk, window, state, tensors, about)


def superseded(chunk: Chunk, window: int) -> bytes:
    """Tell that a window ended unfilled, without a verdict, because another generation took over."""
    return _encode(chunk, window, "SUPERSEDED", {}, {})


def read_flag(body: bytes) -> tuple[str, Flag] | None:
    """Return the pipeline and the verdict that a report tells; None for a record that is no verdict."""
    try:
        told = msgspec.json.decode(body, type=_Told)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    parameters = told.parameters
    try:
        verdicts = [max(output["data"]) for output in told.outputs if output.get("name") == "is_drift"]
    except (KeyError, TypeError, ValueError):  # somebody else's record
        return None
    if not verdicts or parameters.state == "SUPERSEDED":
        return None
    flag = Flag(int(verdicts[0]), parameters.state, parameters.window, parameters.closed_at)
    return parameters.pipeline, flag


class _Parameters(msgspec.Struct):
    pipeline: str
    state: str
    window: int
    closed_at: str


class _Told(msgspec.Struct):
    outputs: list[dict[str, Any]]
    parameters: _Parameters


def _encode(chunk: Chunk, window: int, state: State, tensors: Tensors, about: dict[str, Any]) -> bytes:
    parameters = {
        "pipeline": chunk.pipeline,
        "step": chunk.step,
        "generation": chunk.generation,
        "window": window,
        "state": state,
        "n": len(chunk.rows),
        "closed_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "first_timestamp": int(chunk.timestamp.min()),
        "last_timestamp": int(chunk.timestamp.max()),
        "members": list(_members(chunk)),
        **about,
    }
    return encode_response(
        tensors, model_name=chunk.step, model_version=str(chunk.generation), parameters=parameters
    )


def _tensors(result: DriftResult, step: DetectDrift) -> dict[str, Array]:
    return drift_tensors(result, step.detector.p_val, step.shown)


def _features(result: DriftResult, step: DetectDrift) -> Iterator[dict[str, Any]]:
    for i, column in enumerate(step.columns):
        yield {
            "column": column,
            "feature": step.features[i],
            "test": "chi-square" if i in step.detector.categorical else "kolmogorov-smirnov",
            "p_val": float(result.p_val[i]),
            "distance": float(result.distance[i]),
            "effect": round(float(result.effect[i]), 6),
            "n": int(result.n[i]),
            "rejected": bool(result.rejected[i]),
        }


def _members(chunk: Chunk) -> Iterator[dict[str, Any]]:
    """Tell which requests the window holds: rows, first and last offset of each partition."""
    for topic, partition in sorted(set(zip(chunk.topic.tolist(), chunk.partition.tolist(), strict=True))):
        offsets = chunk.offset[(chunk.topic == topic) & (chunk.partition == partition)]
        yield {
            "topic": chunk.topics[topic],
            "partition": partition,
            "first_offset": int(offsets.min()),
            "last_offset": int(offsets.max()),
            "rows": len(offsets),
        }
