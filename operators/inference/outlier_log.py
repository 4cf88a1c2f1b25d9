"""The audit log of flagged rows: which request a row came with, its score, and what made it strange."""

from __future__ import annotations

from math import isfinite

import msgspec

from operators.control.release import Release
from operators.core.foreign_json import decode, require_name, require_number, require_seconds
from operators.core.redaction import Redaction
from operators.models.runtimes.outlier import FlaggedRow


class FeatureContribution(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column that made a row strange: what it added to the strangeness, and its value for the detector.

    `raw` is what the value is in the feature's own units, or its category, where a preprocessor is known.
    """

    column: str
    contribution: float | None
    value: float | None
    raw: float | str | None = None


class FlaggedRowRecord(msgspec.Struct, frozen=True):
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
    features: list[FeatureContribution]
    detector: str

    def hiding(self, hides: Redaction) -> FlaggedRowRecord:
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


def read_flagged_row(value: bytes | None) -> FlaggedRowRecord:
    """Read a record of the outliers topic; MalformedError for one that cannot be shown."""
    flagged_row = decode(value, FlaggedRowRecord)
    require_name(flagged_row.pipeline, "pipeline")
    require_number(flagged_row.timestamp, "timestamp", -1)
    require_seconds(max(flagged_row.timestamp, 0) / 1000, "timestamp / 1000")
    for at in ("generation", "partition", "offset", "row"):
        require_number(getattr(flagged_row, at), at)
    return flagged_row


def flagged_row(
    release: Release, step: str, place: tuple[str, int, int], timestamp: int, strange: FlaggedRow
) -> FlaggedRowRecord:
    """Tell of a flagged row of the request at a topic, partition and offset."""
    return FlaggedRowRecord(
        release.name,
        release.generation,
        step,
        *place,
        timestamp,
        strange.row,
        _finite(strange.score),
        strange.threshold,
        [
            FeatureContribution(
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
