"""What monitors are trained from: rows at each place of a pipeline that a monitor watches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.quality.data_quality import quality_of
from jobs.data.feature_encoding import Features
from jobs.data.usable_numbers import endless, usable
from jobs.models.training.drift import Drift, hot_deck, train_drift
from jobs.models.training.model_folders import DATA_QUALITY, Folders
from jobs.models.training.options import Options
from jobs.models.training.outlier import Outlier, Truth, train_outlier
from jobs.models.training.split import Parts, Rows, Split
from operators.models.formats.data_quality import write_quality
from operators.models.formats.feature_names import FeatureNames


class Stage(NamedTuple):
    """All rows as one place of the pipeline sees them, shape (n, columns), and which are categorical."""

    rows: Rows
    categorical: Sequence[int]
    names: FeatureNames

    def parts(self, split: Split) -> Parts:
        """Return the rows of each part."""
        return Parts(self.rows[split.reference], self.rows[split.calibration], self.rows[split.test])


class TrainingData(NamedTuple):
    """Requests as they come (`raw`), behind a preprocessor, and what a model says of them; the last two may
    be missing.

    `read` are the raw rows with the values that no reference can hold, which `raw` misses. `prepare` is what
    the preprocessor does to raw rows; `marked` are known outliers, shape (n,).
    """

    split: Split
    features: Features
    read: Rows
    raw: Stage
    prepared: Stage | None
    prepare: Callable[[Rows], Rows]
    said: Stage | None
    marked: NDArray[np.bool_] | None = None


def raw_stage(rows: Rows, features: Features) -> Stage:
    """Name raw rows."""
    names = FeatureNames(features.names, features.names, features.categories)
    return Stage(rows, features.categorical, names)


def train_monitors(
    material: TrainingData, folders: Folders, options: Options, say: Callable[[str], None]
) -> tuple[Outlier, list[Drift]]:
    """Train a detector for each place that there is, and learn what values requests may hold."""
    place, reference = material.raw, material.split.reference
    quality = quality_of(endless(material.read[reference]), place.names.columns, place.names.categories)
    write_quality(folders.make("-quality", DATA_QUALITY), quality)
    say("training the outlier detector")
    outlier = _outlier(material, folders, options)
    say("training and calibrating the drift detectors")
    drifts = [_drift(folders, "-drift", material.raw, material.split, options)]
    if material.prepared:
        drifts.append(_drift(folders, "-drift-preprocessed", material.prepared, material.split, options))
    if material.said:
        # A model knows the rows it learned from too well: its answers to them are no reference.
        unseen = material.split._replace(reference=material.split.unseen)
        drifts.append(_drift(folders, "-prediction-drift", material.said, unseen, options))
    return outlier, drifts


def _drift(folders: Folders, suffix: str, place: Stage, split: Split, options: Options) -> Drift:
    return train_drift(folders, suffix, place.parts(split), place.categorical, place.names, options)


def _outlier(material: TrainingData, folders: Folders, options: Options) -> Outlier:
    split, place = material.split, material.prepared or material.raw
    labels = None if material.marked is None else material.marked[split.calibration]

    learned = place.rows[split.reference]

    def complete(rows: Rows) -> Rows:
        rows = usable(rows)
        return hot_deck(rows, options.seed, learned) if np.isnan(rows).any() else rows

    parts = Parts(*map(complete, place.parts(split)))
    if material.marked is not None:
        parts = parts._replace(reference=parts.reference[~material.marked[split.reference]])
    calibration = material.raw.rows[split.calibration]
    truth = Truth(
        calibration, lambda rows: complete(material.prepare(rows)), material.features.numeric, labels
    )
    return train_outlier(folders, parts, place.names, truth, options)
