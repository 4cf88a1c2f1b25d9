"""Reports: a closed window's verdict as a V2 response, with what it was made from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from detectors.confirmation import Streak
from detectors.judgement import State
from operators.columns import Column, Tensors
from operators.lineage import Lineage
from operators.plan import Flag
from operators.protocol.responses import encode_response
from operators.steps.watching import Verdict

_ONE = np.ones(1, dtype=np.int64)


def report(lineage: Lineage, window: int, verdict: Verdict, streak: Streak, digest: str) -> bytes:
    """Tell what a window showed, and what windows in a row confirmed."""
    tensors = {name: Column(values, _ONE) for name, values in verdict.tensors.items()}
    told = {"confirmed": streak.confirmed, "confirmed_since_window": streak.since, "detector": digest}
    return _encode(lineage, window, verdict.state, tensors, {**told, **verdict.about})


def superseded(lineage: Lineage, window: int, successor: int) -> bytes:
    """Tell that a window ended without a verdict because another generation took over, or none (0)."""
    return _encode(lineage, window, "SUPERSEDED", {}, {"superseded_by": successor or None})


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


def _encode(lineage: Lineage, window: int, state: State, tensors: Tensors, about: dict[str, Any]) -> bytes:
    parameters = {
        "pipeline": lineage.pipeline,
        "step": lineage.step,
        "generation": lineage.generation,
        "window": window,
        "state": state,
        "n": lineage.rows,
        "closed_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "first_timestamp": lineage.first_timestamp,
        "last_timestamp": lineage.last_timestamp,
        "members": list(lineage.told()),
        **about,
    }
    return encode_response(
        tensors, model_name=lineage.step, model_version=str(lineage.generation), parameters=parameters
    )
