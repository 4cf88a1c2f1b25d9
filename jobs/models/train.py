"""Reference data → classifier, preprocessor and monitors, in the folders MLServer expects.

Needs the extra `train` (alibi-detect 0.11.4, the last release under Apache-2.0); what it writes is read
without it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pandas as pd

from jobs.data.column_report import explained
from jobs.data.declared_columns import DeclaredColumns, labels_of, marked, require, require_values
from jobs.data.feature_encoding import Features, encode, infer_features, with_names
from jobs.data.usable_numbers import usable
from jobs.models.training import classifier
from jobs.models.training.classifier import Scores
from jobs.models.training.drift import Drift
from jobs.models.training.manifests import write_manifests
from jobs.models.training.model_folders import Folders
from jobs.models.training.options import Options
from jobs.models.training.outlier import Outlier
from jobs.models.training.preprocessor import Preprocessor, looks_categorical
from jobs.models.training.split import Rows, Split, learned_from, split
from jobs.models.training.training_data import Stage, TrainingData, raw_stage, train_monitors
from jobs.models.training_report.model_card import hash_of, make_card, write_card
from jobs.models.training_report.page import write_report
from operators.core.errors import DeploymentError

_LEAST_ROWS = 100
_DEFAULTS = Options()
Say = Callable[[str], None]


_UNDECLARED = DeclaredColumns()


class Trained(NamedTuple):
    """What training found out, for people."""

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
    say: Say = print,
) -> Trained:
    """Train everything, each thing on rows of its own; the test rows stay in `holdout.npy`.

    Raises DeploymentError for a table that cannot be used.
    """
    options.check()
    table = with_names(table)
    require(table, target)
    table = _with_target(table, target, say)
    labels, classes = labels_of(table[target])
    outliers = marked(table, declared.outlier_label)
    inputs = table.drop(columns=[target, *([declared.outlier_label] if declared.outlier_label else [])])
    features = infer_features(inputs, declared.categorical, declared.numeric)
    read = encode(inputs, features)
    rows = usable(read)
    if len(rows) < _LEAST_ROWS or len(classes) < 2:
        raise DeploymentError(f"the table needs at least {_LEAST_ROWS} rows and two values of the target")
    parts = split(len(rows), options.seed)
    require_values(read, learned_from(parts), features.names, table.index.tolist())
    say("training the classifier")
    fitted = classifier.fit(rows, labels, classes, features, parts, options.seed)
    folders = Folders(out, options.name)
    classifier.write(fitted, rows[parts.reference], folders)
    raw, prepared = raw_stage(rows, features), classifier.prepared_stage(fitted, rows, features)
    said = classifier.prediction_stage(fitted, prepared)
    material = TrainingData(parts, features, read, raw, prepared, fitted.prepare, said, outliers)
    return _monitors(material, fitted.scores, table, folders, options, declared, say)


def train_monitors_only(
    table: pd.DataFrame,
    out: Path,
    options: Options = _DEFAULTS,
    declared: DeclaredColumns = _UNDECLARED,
    preprocessor: Path | None = None,
    predictions: Collection[str] = (),
    say: Say = print,
) -> Trained:
    """Train the monitors of a model that there already is, from rows without drift; no target is needed.

    `predictions` are columns of the table that hold what the model said of each row. DeploymentError for what
    cannot be used.
    """
    options.check()
    table = with_names(table)
    require(table, *predictions)
    outliers = marked(table, declared.outlier_label)
    label = [declared.outlier_label] if declared.outlier_label else []
    inputs = table.drop(columns=[*predictions, *label])
    types = declared.without(predictions)
    features = infer_features(inputs, types.categorical, types.numeric)
    read = encode(inputs, features)
    rows = usable(read)
    if len(rows) < _LEAST_ROWS:
        raise DeploymentError(f"the table has {len(rows)} rows, at least {_LEAST_ROWS} are needed")
    parts = split(len(rows), options.seed)
    require_values(read, learned_from(parts), features.names)
    folders = Folders(out, options.name)
    raw = raw_stage(rows, features)
    prepared, prepare = None, _as_they_are
    if preprocessor:
        theirs = Preprocessor(preprocessor, features)
        whole = theirs.prepare(rows)
        names = theirs.names(whole)
        require_values(whole, learned_from(parts), names.columns)
        prepare = theirs.prepare
        prepared = Stage(usable(whole), looks_categorical(whole), names)
        theirs.write(folders, rows)
    said = _said(table[list(predictions)], declared, parts) if predictions else None
    material = TrainingData(parts, features, read, raw, prepared, prepare, said, outliers)
    return _monitors(material, None, table, folders, options, declared, say)


def _as_they_are(rows: Rows) -> Rows:
    return rows


def _with_target(table: pd.DataFrame, target: str, say: Say) -> pd.DataFrame:
    """Leave out rows without a target; the others keep their numbers."""
    known = table[target].notna()
    if not known.all():
        first = int(table.index[~known][0])
        say(f"leaving out {int((~known).sum()):,} rows without {target} (first row {first}, counted from 0)")
    return table[known]


def _said(table: pd.DataFrame, declared: DeclaredColumns, parts: Split) -> Stage:
    """Return what a model said, from columns of its answers."""
    here = set(table.columns)
    features = infer_features(table, here & set(declared.categorical), here & set(declared.numeric))
    read = encode(table, features)
    require_values(read, {"unseen": parts.unseen, "calibration": parts.calibration}, features.names)
    return raw_stage(usable(read), features)


def _monitors(
    material: TrainingData,
    scores: Scores | None,
    table: pd.DataFrame,
    folders: Folders,
    options: Options,
    declared: DeclaredColumns,
    say: Say,
) -> Trained:
    """Train the monitors, and write what belongs to all folders: test rows, manifests, card and report."""
    outlier, drifts = train_monitors(material, folders, options, say)
    out, features, parts = folders.out, material.features, material.split
    (out / "features.json").write_bytes(msgspec.json.format(msgspec.json.encode(features)))
    np.save(out / "holdout.npy", material.raw.rows[parts.test])
    taken = dict(explained(table, features, declared.types, declared.missing))
    sizes = {part: len(positions) for part, positions in parts._asdict().items()}
    card = make_card(
        options.name, declared.source, hash_of(table), sizes, options._asdict(), taken, list(folders.written)
    )
    window = options.windows[0] if options.windows else _DEFAULTS.windows[0]
    written = [
        *folders.written,
        write_manifests(out, options.name, folders.written, window),
        write_card(card, out),
        write_report(out, card, scores, outlier, drifts, options),
    ]
    return Trained(parts, features, taken, scores, outlier, drifts, written)


def describe(trained: Trained) -> Iterator[str]:
    """Tell what was trained, a line each."""
    width = max(len(name) for name in trained.explained)
    yield from (f"  {name:{width}}  {taken}" for name, taken in trained.explained.items())
    sizes = ", ".join(f"{len(rows):,} {part}" for part, rows in trained.split._asdict().items())
    yield f"rows         {sizes}"
    if trained.scores:
        scores = trained.scores
        yield f"classifier   accuracy {scores.accuracy:.3f}, AUC {scores.auc:.3f} on test rows"
    out = trained.outlier
    yield f"outliers     score above {out.threshold:.4f}: {out.rule}, {out.share:.1%} of test rows"
    for drift in trained.drifts:
        for one, measured in zip(drift.calibrations, drift.false_alarms, strict=True):
            stated = f"at most {one.rate:.1%} stated; is_drift alone {measured.is_drift:.1%}"
            yield f"drift        {drift.folder.name}: of windows of {one.window} test rows"
            yield f"             {measured.state:.1%} are DRIFT ({stated})"
    yield from (f"wrote        {path}" for path in trained.written)
