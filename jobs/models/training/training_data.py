"""Training the monitors from the rows at each stage of a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.quality.data_quality import quality_of
from jobs.data.feature_encoding import Features
from jobs.data.usable_numbers import unusable_as_infinity, usable
from jobs.models.training.drift import Drift, hot_deck, train_drift
from jobs.models.training.model_folders import DATA_QUALITY, Folders
from jobs.models.training.options import Options
from jobs.models.training.outlier import Outlier, Truth, train_outlier
from jobs.models.training.split import Parts, Rows, Split
from operators.models.formats.data_quality import write_quality
from operators.models.formats.feature_names import FeatureNames


class Stage(NamedTuple):
    """All rows at one stage of a pipeline, shape (n, columns).

    `categorical` are the positions of the categorical columns.
    """

    rows: Rows
    categorical: Sequence[int]
    names: FeatureNames

    def parts(self, split: Split) -> Parts:
        """Return the rows of each part of a split."""
        return Parts(self.rows[split.reference], self.rows[split.calibration], self.rows[split.test])


class TrainingData(NamedTuple):
    """The rows of requests (`raw`), preprocessed (`prepared`), and a model's `predictions` for them.

    `prepared` and `predictions` may be None. `encoded` are the raw rows including unusable values, which are
    NaN in `raw`. `prepare` preprocesses raw rows. `marked`, shape (n,), is true for known outliers.
    """

    split: Split
    features: Features
    encoded: Rows
    raw: Stage
    prepared: Stage | None
    prepare: Callable[[Rows], Rows]
    predictions: Stage | None
    marked: NDArray[np.bool_] | None = None


def raw_stage(rows: Rows, features: Features) -> Stage:
    """Return the stage of raw rows."""
    names = FeatureNames(features.names, features.names, features.categories)
    return Stage(rows, features.categorical, names)


def train_monitors(
    data: TrainingData, folders: Folders, options: Options, on_progress: Callable[[str], None]
) -> tuple[Outlier, list[Drift]]:
    """Train the data quality monitor, the outlier detector, and a drift detector for each stage."""
    names, reference = data.raw.names, data.split.reference
    quality = quality_of(unusable_as_infinity(data.encoded[reference]), names.columns, names.categories)
    write_quality(folders.make("-quality", DATA_QUALITY), quality)
    on_progress("training the outlier detector")
    outlier = _outlier(data, folders, options)
    on_progress("training and calibrating the drift detectors")
    drifts = [_drift(folders, "-drift", data.raw, data.split, options)]
    if data.prepared:
        drifts.append(_drift(folders, "-drift-preprocessed", data.prepared, data.split, options))
    if data.predictions:
        # A model fits the rows it was trained on too well, so its predictions for them are no reference.
        unseen = data.split._replace(reference=data.split.unseen)
        drifts.append(_drift(folders, "-prediction-drift", data.predictions, unseen, options))
    return outlier, drifts


def _drift(folders: Folders, suffix: str, stage: Stage, split: Split, options: Options) -> Drift:
    return train_drift(folders, suffix, stage.parts(split), stage.categorical, stage.names, options)


def _outlier(data: TrainingData, folders: Folders, options: Options) -> Outlier:
    split, stage = data.split, data.prepared or data.raw
    labels = None if data.marked is None else data.marked[split.calibration]
    reference = stage.rows[split.reference]

    def fill_missing(rows: Rows) -> Rows:
        rows = usable(rows)
        return hot_deck(rows, options.seed, reference) if np.isnan(rows).any() else rows

    parts = Parts(*map(fill_missing, stage.parts(split)))
    if data.marked is not None:
        parts = parts._replace(reference=parts.reference[~data.marked[split.reference]])
    calibration = data.raw.rows[split.calibration]
    truth = Truth(calibration, lambda rows: fill_missing(data.prepare(rows)), data.features.numeric, labels)
    return train_outlier(folders, parts, stage.names, truth, options)
