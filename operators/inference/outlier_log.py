"""The audit log of flagged rows: the request of a row, its score, and the columns that contributed most."""

from __future__ import annotations

from math import isfinite

import msgspec

from operators.control.release import Release
from operators.core.foreign_json import decode, require_name, require_number
from operators.core.redaction import Redaction
from operators.core.timestamps import require_seconds
from operators.models.runtimes.outlier import FlaggedRow


class FeatureContribution(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column that contributed to a row's outlier score: its contribution and its value for the detector.

    `raw` is the value in the feature's own units, or its category, if a preprocessor is known.
    """

    column: str
    contribution: float | None
    value: float | None
    raw: float | str | None = None


class FlaggedRowRecord(msgspec.Struct, frozen=True):
    """One record of the outliers topic.

    `topic`, `partition` and `offset` identify the request, `row` is the row's number in it, from 0.
    `timestamp` is the request's Kafka time in milliseconds since 1970. `detector` is the digest of the model
    that flagged the row. A number that is not finite is null.
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

    def redacted(self, redaction: Redaction) -> FlaggedRowRecord:
        """Return the record without names and values of redacted columns; their contributions stay."""
        if not redaction:
            return self
        redacted = [
            feature
            if (name := redaction.name(feature.column)) == feature.column
            else msgspec.structs.replace(feature, column=name, value=None, raw=None)
            for feature in self.features
        ]
        return msgspec.structs.replace(self, features=redacted)

    def encode(self) -> bytes:
        """Encode as JSON."""
        return msgspec.json.encode(self)


def read_flagged_row(value: bytes | None) -> FlaggedRowRecord:
    """Decode a record of the outliers topic; MalformedError if it cannot be shown."""
    record = decode(value, FlaggedRowRecord)
    require_name(record.pipeline, "pipeline")
    require_number(record.timestamp, "timestamp", -1)
    require_seconds(max(record.timestamp, 0) / 1000, "timestamp / 1000")
    for field in ("generation", "partition", "offset", "row"):
        require_number(getattr(record, field), field)
    return record


def flagged_row(
    release: Release, step: str, place: tuple[str, int, int], timestamp: int, flagged: FlaggedRow
) -> FlaggedRowRecord:
    """Return the record of a flagged row.

    `place` is the topic, partition and offset of the request, `timestamp` its Kafka time in milliseconds.
    """
    return FlaggedRowRecord(
        release.name,
        release.generation,
        step,
        *place,
        timestamp,
        flagged.row,
        _finite(flagged.score),
        flagged.threshold,
        [
            FeatureContribution(
                name,
                _finite(round(contribution, 6)),
                _finite(value),
                raw if raw is None or isinstance(raw, str) else _finite(raw),
            )
            for name, contribution, value, raw in flagged.columns
        ],
        release.artifacts[step].digest,
    )


def _finite(number: float) -> float | None:
    return number if isfinite(number) else None
