"""Reports: the verdict and the lineage of a closed window as a V2 response."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET

from detectors.drift.confirmation import Streak
from detectors.drift.judgement import State
from operators.core.errors import MalformedError
from operators.core.foreign_json import convert, decode, require_name, require_number
from operators.core.redaction import Redaction
from operators.core.tensors import TensorColumn, Tensors
from operators.core.timestamps import parse_time
from operators.kafka.headers import release_headers
from operators.kafka.output_record import OutputRecord
from operators.kafka.topics import Topics
from operators.models.runtimes.batched import Verdict, WindowVerdict
from operators.models.runtimes.verdict_details import (
    ColumnHistogram,
    DriftFeature,
    QualityFeature,
    shown_histograms,
)
from operators.protocol.encode import encode_response
from operators.rows.lineage import Lineage

_ONE = np.ones(1, dtype=np.int64)


class Report(NamedTuple):
    """The encoded report of a window, and the lineage of its rows."""

    lineage: Lineage
    body: bytes

    def record(self, topics: Topics) -> OutputRecord:
        """Return the record of the step's outputs topic."""
        lineage = self.lineage
        headers = release_headers(lineage.pipeline, lineage.generation)
        return OutputRecord(topics.model_outputs(lineage.step), lineage.key, headers, self.body)


def encode_report(lineage: Lineage, window: int, verdict: Verdict, streak: Streak, digest: str) -> bytes:
    """Encode the report of a judged window: its verdict, and whether consecutive windows confirmed it.

    `window` is the window's number, `digest` that of the model that judged it.
    """
    tensors = {name: TensorColumn(values, _ONE) for name, values in verdict.tensors.items()}
    parameters = {"confirmed": streak.confirmed, "confirmed_since_window": streak.since, "detector": digest}
    details = msgspec.to_builtins(verdict.details)
    return _encode(lineage, window, verdict.state, tensors, {**parameters, **details})


def superseded_report(lineage: Lineage, window: int, successor: int) -> bytes:
    """Encode the report of a window that a new epoch ended without a verdict.

    `successor` is the generation that began the epoch, 0 if no live pipeline contains the step.
    """
    return _encode(lineage, window, "SUPERSEDED", {}, {"superseded_by": successor or None})


class Member(msgspec.Struct, frozen=True):
    """The offsets of a topic's partition that a window contains, first and last inclusive."""

    topic: str
    partition: int
    first_offset: int
    last_offset: int


class Window(msgspec.Struct, frozen=True):
    """The parameters of a report. Its features are in `drift` or in `quality`, depending on the detector."""

    pipeline: str
    step: str
    generation: int
    window: int
    state: State
    n: int
    closed_at: str
    confirmed: bool = False
    ranked: list[str] = []
    drift: list[DriftFeature] = []
    quality: list[QualityFeature] = []
    histograms: list[ColumnHistogram] = []
    members: list[Member] = []

    def redacted(self, redaction: Redaction) -> Window:
        """Return the window without names and histograms of hidden features."""
        if not redaction:
            return self
        return msgspec.structs.replace(
            self,
            ranked=list(map(redaction.name, self.ranked)),
            drift=[feature.redacted(redaction) for feature in self.drift],
            quality=[feature.redacted(redaction) for feature in self.quality],
            histograms=shown_histograms(self.histograms, self.drift, redaction),
        )


class WindowReport(msgspec.Struct, frozen=True):
    """A decoded report: the window, and the data of each tensor of the verdict by name."""

    window: Window
    outputs: dict[str, list[Any]]

    def flag(self) -> WindowVerdict | None:
        """Return the drift verdict; None if the window has none."""
        values = self.outputs.get("is_drift")
        if values is None or self.window.state == "SUPERSEDED":
            return None
        return WindowVerdict(max(values), self.window.state, self.window.window, self.window.closed_at)


def read_report(value: bytes | None) -> WindowReport | None:
    """Decode a record of a step's outputs topic; None for a V2 response that is not a report.

    MalformedError if the record is neither.
    """
    response = decode(value, _Response)
    if "state" not in response.parameters:
        return None
    window = _read_window(response.parameters)
    outputs = {output.name: output.data for output in response.outputs}
    flags = outputs.get("is_drift")
    if flags is not None and (not flags or not all(type(flag) is int and flag in (0, 1) for flag in flags)):
        raise MalformedError("outputs: is_drift must contain 0 or 1")
    return WindowReport(window, outputs)


class _Output(msgspec.Struct):
    name: str
    data: list[Any]


class _Response(msgspec.Struct):
    outputs: list[_Output]
    parameters: dict[str, Any] = {}


def _read_window(parameters: dict[str, Any]) -> Window:
    window = convert(parameters, Window, "parameters")
    features = parameters.get("features", [])
    first = features[0] if isinstance(features, list) and features else None
    if isinstance(first, dict) and "effect" in first:
        drift = convert(features, list[DriftFeature], "parameters.features")
        window = msgspec.structs.replace(window, drift=drift)
    else:
        quality = convert(features, list[QualityFeature], "parameters.features")
        window = msgspec.structs.replace(window, quality=quality)
    _check_window(window)
    return window


def _check_window(window: Window) -> None:
    require_name(window.pipeline, "parameters.pipeline")
    require_name(window.step, "parameters.step")
    for at in ("generation", "window", "n"):
        require_number(getattr(window, at), f"parameters.{at}")
    parse_time(window.closed_at, "parameters.closed_at")
    for histogram in window.histograms:
        bins = histogram.edges if histogram.edges is not UNSET else histogram.categories
        if bins is UNSET or not len(histogram.reference) == len(histogram.window) == len(bins) + 1:
            raise MalformedError(
                "parameters.histograms: reference and window must contain one share per bin and one for the "
                "rest"
            )
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
