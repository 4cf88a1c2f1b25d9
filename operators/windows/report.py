"""Reports: a closed window's verdict as a V2 response, with what it was made from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from detectors.drift.confirmation import Streak
from detectors.drift.judgement import State
from operators.core.errors import MalformedError
from operators.core.foreign_json import convert, decode, parse_time, require_name, require_number
from operators.core.tensors import TensorColumn, Tensors
from operators.models.runtimes.batched import Verdict
from operators.pipeline.plan import WindowVerdict
from operators.protocol.encode import encode_response
from operators.windows.lineage import Lineage

_ONE = np.ones(1, dtype=np.int64)


def report(lineage: Lineage, window: int, verdict: Verdict, streak: Streak, digest: str) -> bytes:
    """Tell what a window showed, and what windows in a row confirmed."""
    tensors = {name: TensorColumn(values, _ONE) for name, values in verdict.tensors.items()}
    parameters = {"confirmed": streak.confirmed, "confirmed_since_window": streak.since, "detector": digest}
    return _encode(lineage, window, verdict.state, tensors, {**parameters, **verdict.about})


def superseded(lineage: Lineage, window: int, successor: int) -> bytes:
    """Tell that a window ended without a verdict because another generation took over, or none (0)."""
    return _encode(lineage, window, "SUPERSEDED", {}, {"superseded_by": successor or None})


class Member(msgspec.Struct, frozen=True):
    """Which offsets of a topic's partition a window holds, the first and the last included."""

    topic: str
    partition: int
    first_offset: int
    last_offset: int


class Window(msgspec.Struct, frozen=True):
    """A report's parameters: `features` are of a drift detector or of a data quality check."""

    pipeline: str
    step: str
    generation: int
    window: int
    state: State
    n: int
    closed_at: str
    confirmed: bool = False
    ranked: list[str] = []
    features: list[dict[str, Any]] = []
    histograms: list[dict[str, Any]] = []
    members: list[Member] = []

    @property
    def drifts(self) -> bool:
        """Tell a window of a drift detector from others, and from one without a verdict."""
        return bool(self.features) and "effect" in self.features[0]


class WindowReport(msgspec.Struct, frozen=True):
    """A report as it is read: the window, and what each tensor of the verdict holds."""

    window: Window
    outputs: dict[str, list[Any]]

    def flag(self) -> WindowVerdict | None:
        """Return the verdict on drift; None where the window has none."""
        values = self.outputs.get("is_drift")
        if values is None or self.window.state == "SUPERSEDED":
            return None
        return WindowVerdict(max(values), self.window.state, self.window.window, self.window.closed_at)


def read_report(value: bytes | None) -> WindowReport | None:
    """Read a record of a step's outputs: None where it is a V2 response and no report.

    MalformedError where it is neither.
    """
    response = decode(value, _Response)
    if "state" not in response.parameters:
        return None
    window = convert(response.parameters, Window, "parameters")
    _check_window(window)
    outputs = {one.name: one.data for one in response.outputs}
    flags = outputs.get("is_drift")
    if flags is not None and (not flags or not all(type(one) is int and one in (0, 1) for one in flags)):
        raise MalformedError("outputs: is_drift must hold 0 or 1")
    return WindowReport(window, outputs)


class _Output(msgspec.Struct):
    name: str
    data: list[Any]


class _Response(msgspec.Struct):
    outputs: list[_Output]
    parameters: dict[str, Any] = {}


class _DriftFeature(msgspec.Struct):
    column: str
    feature: str
    effect: float | None
    guilty: bool
    p_val: float | None = None


class _QualityFeature(msgspec.Struct):
    feature: str
    violating: list[str]


class _Histogram(msgspec.Struct):
    column: str
    reference: list[float]
    window: list[float]
    edges: list[float] | None = None
    categories: list[str] | None = None


def _check_window(window: Window) -> None:
    require_name(window.pipeline, "parameters.pipeline")
    require_name(window.step, "parameters.step")
    for at in ("generation", "window", "n"):
        require_number(getattr(window, at), f"parameters.{at}")
    parse_time(window.closed_at, "parameters.closed_at")
    if window.drifts:
        convert(window.features, list[_DriftFeature], "parameters.features")
    else:
        convert(window.features, list[_QualityFeature], "parameters.features")
    for one in convert(window.histograms, list[_Histogram], "parameters.histograms"):
        bins = one.edges if one.edges is not None else one.categories
        if bins is None or not len(one.reference) == len(one.window) == len(bins) + 1:
            raise MalformedError("parameters.histograms: a share of each bin is needed, and of the rest")
    for member in window.members:
        for at in ("partition", "first_offset", "last_offset"):
            require_number(getattr(member, at), f"parameters.members: {at}")


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
        "members": list(lineage.as_dicts()),
        **about,
    }
    return encode_response(
        tensors, model_name=lineage.step, model_version=str(lineage.generation), parameters=parameters
    )
