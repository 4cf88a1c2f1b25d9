"""Training a classifier, a preprocessor and monitors from reference data, in folders for MLServer.

It needs the extra `train` (alibi-detect 0.11.4, the last release under Apache-2.0). The job reads the written
folders without that extra.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pandas as pd

from jobs.data.column_report import describe_columns
from jobs.data.declared_columns import (
    DeclaredColumns,
    labels_of,
    outlier_marks,
    require_classes,
    require_columns,
    require_values,
)
from jobs.data.feature_encoding import Features, encode, infer_features, with_names
from jobs.data.usable_numbers import usable
from jobs.models.training import classifier
from jobs.models.training.classifier import Scores
from jobs.models.training.drift import Drift
from jobs.models.training.manifests import write_manifests
from jobs.models.training.model_folders import Folders
from jobs.models.training.options import Options
from jobs.models.training.outlier import Outlier
from jobs.models.training.preprocessor import Preprocessor, binary_columns
from jobs.models.training.split import Rows, Split, split, training_parts
from jobs.models.training.training_data import Stage, TrainingData, raw_stage, train_monitors
from jobs.models.training_report.model_card import hash_of, make_card, write_card
from jobs.models.training_report.page import write_report
from operators.core.errors import DeploymentError

_MIN_ROWS = 100
_DEFAULTS = Options()
_UNDECLARED = DeclaredColumns()
OnProgress = Callable[[str], None]


class Trained(NamedTuple):
    """The results of training: split, features and their descriptions, scores, monitors, written files."""

    split: Split
    features: Features
    explained: dict[str, str]
    scores: Scores | None
    outlier: Outlier
    drifts: list[Drift]
    written: list[Path]


def train(
    table: pd.DataFrame,
    target: str,
    out: Path,
    options: Options = _DEFAULTS,
    declared: DeclaredColumns = _UNDECLARED,
    on_progress: OnProgress = print,
) -> Trained:
    """Train a classifier and its monitors, each on disjoint rows; write the test rows to `holdout.npy`.

    `on_progress` receives a line of text before each long part. DeploymentError for an unusable table.
    """
    options.check()
    table = with_names(table)
    require_columns(table, target)
    table = _with_target(table, target, on_progress)
    labels, classes = labels_of(table[target])
    outliers = outlier_marks(table, declared.outlier_label)
    inputs = table.drop(columns=[target, *([declared.outlier_label] if declared.outlier_label else [])])
    features = infer_features(inputs, declared.categorical, declared.numeric, declared.form)
    encoded = encode(inputs, features, declared.form)
    rows = usable(encoded)
    if len(rows) < _MIN_ROWS or len(classes) < 2:
        raise DeploymentError(
            f"the table has {len(rows)} rows and {len(classes)} classes; it needs at least "
            f"{_MIN_ROWS} rows and two classes"
        )
    parts = split(len(rows), options.seed)
    require_values(encoded, training_parts(parts), features.names, table.index.tolist())
    require_classes(target, labels, classes, parts.reference)
    on_progress("training the classifier")
    fitted = classifier.fit(rows, labels, classes, features, parts, options.seed)
    folders = Folders(out, options.name)
    classifier.write(fitted, rows[parts.reference], folders)
    raw, prepared = raw_stage(rows, features), classifier.prepared_stage(fitted, rows, features)
    predictions = classifier.prediction_stage(fitted, prepared)
    data = TrainingData(parts, features, encoded, raw, prepared, fitted.prepare, predictions, outliers)
    return _monitors(data, fitted.scores, table, folders, options, declared, on_progress)


def train_monitors_only(
    table: pd.DataFrame,
    out: Path,
    options: Options = _DEFAULTS,
    declared: DeclaredColumns = _UNDECLARED,
    preprocessor: Path | None = None,
    predictions: Collection[str] = (),
    on_progress: OnProgress = print,
) -> Trained:
    """Train the monitors of an existing model from rows without drift; no target is needed.

    `predictions` names the columns of the table that contain the model's outputs for each row.
    DeploymentError for an unusable table or preprocessor.
    """
    options.check()
    table = with_names(table)
    require_columns(table, *predictions)
    outliers = outlier_marks(table, declared.outlier_label)
    label = [declared.outlier_label] if declared.outlier_label else []
    inputs = table.drop(columns=[*predictions, *label])
    types = declared.without(predictions)
    features = infer_features(inputs, types.categorical, types.numeric, declared.form)
    encoded = encode(inputs, features, declared.form)
    rows = usable(encoded)
    if len(rows) < _MIN_ROWS:
        raise DeploymentError(f"the table has {len(rows)} rows; at least {_MIN_ROWS} are needed")
    parts = split(len(rows), options.seed)
    require_values(encoded, training_parts(parts), features.names)
    folders = Folders(out, options.name)
    raw = raw_stage(rows, features)
    prepared, prepare = None, _identity
    if preprocessor:
        existing = Preprocessor(preprocessor, features)
        outputs = existing.prepare(rows)
        names = existing.names(outputs)
        require_values(outputs, training_parts(parts), names.columns)
        prepare = existing.prepare
        prepared = Stage(usable(outputs), binary_columns(outputs), names)
        existing.write(folders, rows)
    predicted = _prediction_stage(table[list(predictions)], declared, parts) if predictions else None
    data = TrainingData(parts, features, encoded, raw, prepared, prepare, predicted, outliers)
    return _monitors(data, None, table, folders, options, declared, on_progress)


def _identity(rows: Rows) -> Rows:
    return rows


def _with_target(table: pd.DataFrame, target: str, on_progress: OnProgress) -> pd.DataFrame:
    """Leave out rows without a target; the others keep their numbers."""
    has_target = table[target].notna()
    if not has_target.all():
        first, count = int(table.index[~has_target][0]), int((~has_target).sum())
        on_progress(f"leaving out {count:,} rows without {target} (first row {first}, counted from 0)")
    return table[has_target]


def _prediction_stage(table: pd.DataFrame, declared: DeclaredColumns, parts: Split) -> Stage:
    """Return a model's predictions, from the columns that contain them."""
    columns = set(table.columns)
    categorical, numeric = (columns & set(types) for types in (declared.categorical, declared.numeric))
    features = infer_features(table, categorical, numeric, declared.form)
    encoded = encode(table, features, declared.form)
    require_values(encoded, {"unseen": parts.unseen, "calibration": parts.calibration}, features.names)
    return raw_stage(usable(encoded), features)


def _monitors(
    data: TrainingData,
    scores: Scores | None,
    table: pd.DataFrame,
    folders: Folders,
    options: Options,
    declared: DeclaredColumns,
    on_progress: OnProgress,
) -> Trained:
    """Train the monitors; write the files for all folders: test rows, manifests, model card and report."""
    outlier, drifts = train_monitors(data, folders, options, on_progress)
    out, features, parts = folders.out, data.features, data.split
    (out / "features.json").write_bytes(msgspec.json.format(msgspec.json.encode(features)))
    np.save(out / "holdout.npy", data.raw.rows[parts.test])
    descriptions = dict(describe_columns(table, features, declared.types, declared.missing, declared.form))
    sizes = {part: len(positions) for part, positions in parts._asdict().items()}
    card = make_card(
        options.name,
        declared.source,
        hash_of(table),
        sizes,
        options._asdict(),
        descriptions,
        list(folders.written),
    )
    window = options.windows[0] if options.windows else _DEFAULTS.windows[0]
    written = [
        *folders.written,
        write_manifests(out, options.name, folders.written, window),
        write_card(card, out),
        write_report(out, card, scores, outlier, drifts, options),
    ]
    return Trained(parts, features, descriptions, scores, outlier, drifts, written)


def describe(trained: Trained) -> Iterator[str]:
    """Yield lines of text about the results of training."""
    width = max(len(name) for name in trained.explained)
    yield from (f"  {name:{width}}  {description}" for name, description in trained.explained.items())
    sizes = ", ".join(f"{len(rows):,} {part}" for part, rows in trained.split._asdict().items())
    yield f"rows         {sizes}"
    if trained.scores:
        scores = trained.scores
        yield f"classifier   accuracy {scores.accuracy:.3f}, AUC {scores.auc:.3f} on test rows"
    out = trained.outlier
    yield f"outliers     score above {out.threshold:.4f}: {out.rule}, {out.share:.1%} of test rows"
    for drift in trained.drifts:
        for calibration, measured in zip(drift.calibrations, drift.false_alarms, strict=True):
            stated = f"at most {calibration.rate:.1%} stated; is_drift alone {measured.is_drift:.1%}"
            yield f"drift        {drift.folder.name}: of windows of {calibration.window} test rows"
            yield f"             {measured.state:.1%} are DRIFT ({stated})"
    yield from (f"wrote        {path}" for path in trained.written)
