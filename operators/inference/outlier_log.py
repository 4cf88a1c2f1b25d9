"""The audit log of flagged rows: which request a row came with, its score, and what made it strange."""

from __future__ import annotations

from math import isfinite

import msgspec

from operators.control.release import Release
from operators.core.foreign_json import decode, require_name, require_number, require_seconds
from operators.core.redaction import Redaction
from operators.models.runtimes.outlier import Strange


class Culprit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column that made a row strange: what it added to the strangeness, and its value for the detector.

    `raw` is what the value is in the feature's own units, or its category, where a preprocessor is known.
    """

    column: str
    contribution: float | None
    value: float | None
    raw: float | str | None = None


class Outlier(msgspec.Struct, frozen=True):
    """One record of the outliers topic.

    `topic`, `partition`, `offset` name the request, `row` is its row from 0, `timestamp` the request's Kafka
    time in milliseconds since 1970; `detector` is the digest of the model that flagged it. A number that is
    not finite is null.
    """

    pipeline: str
    generation: int
    step: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    row: int
    score: float | None
    threshold: float
    features: list[Culprit]
    detector: str

    def hiding(self, hides: Redaction) -> Outlier:
        """Return it without names and values of hidden columns; how much they added stays."""
        if not hides:
            return self
        shown = [
            one
            if (name := hides.name(one.column)) == one.column
            else msgspec.structs.replace(one, column=name, value=None, raw=None)
            for one in self.features
        ]
        return msgspec.structs.replace(self, features=shown)

    def encode(self) -> bytes:
        """Encode as JSON."""
        return msgspec.json.encode(self)


def read_outlier(value: bytes | None) -> Outlier:
    """Read a record of the outliers topic; MalformedError for one that cannot be shown."""
    outlier = decode(value, Outlier)
    require_name(outlier.pipeline, "pipeline")
    require_number(outlier.timestamp, "timestamp", -1)
    require_seconds(max(outlier.timestamp, 0) / 1000, "timestamp / 1000")
    for at in ("generation", "partition", "offset", "row"):
        require_number(getattr(outlier, at), at)
    return outlier


def outlier(
    release: Release, step: str, place: tuple[str, int, int], timestamp: int, strange: Strange
) -> Outlier:
    """Tell of a flagged row of the request at a topic, partition and offset."""
    return Outlier(
        release.name,
        release.generation,
        step,
        *place,
        timestamp,
        strange.row,
        _finite(strange.score),
        strange.threshold,
        [
            Culprit(
                name,
                _finite(round(contribution, 6)),
                _finite(value),
                raw if raw is None or isinstance(raw, str) else _finite(raw),
            )
            for name, contribution, value, raw in strange.columns
        ],
        release.artifacts[step].digest,
    )


def _finite(number: float) -> float | None:
    return number if isfinite(number) else None
