"""`weir judge`: a saved monitor and a file of rows → what it would say of them, without a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from detectors.confirmation import Streak
from jobs.data.features import Features, encode, read_table
from operators.artifacts.digests import digest
from operators.artifacts.json_files import read_json
from operators.artifacts.loading import load_step
from operators.artifacts.trust import Site
from operators.columns import Array, Column, Tensors
from operators.errors import DeploymentError
from operators.resources.schema import Metadata, Model, ModelSpec
from operators.steps import Ask, Step
from operators.steps.score_outlier import ScoreOutlier
from operators.steps.watching import ROWS, Rules, Verdict, Watcher

_API: Any = "mlops.seldon.io/v1alpha1"


class Window(NamedTuple):
    """Rows from `first` on, counted from 0, the verdict on them, and what windows in a row confirmed."""

    number: int
    first: int
    rows: int
    verdict: Verdict
    streak: Streak


class Outliers(NamedTuple):
    """Flags and scores of rows, both of shape (rows,)."""

    is_outlier: NDArray[np.int64]
    score: NDArray[np.float64]


def load_monitor(folder: Path, site: Site) -> Step:
    """Load a model's folder as the job would. DeploymentError where it cannot."""
    model = Model(
        api_version=_API,
        kind="Model",
        metadata=Metadata(name=folder.resolve().name),
        spec=ModelSpec(storage_uri=str(folder)),
    )
    return load_step(model, str(folder.resolve()), digest(folder), site)


def read_rows(data: Path, folder: Path, through: Step | None) -> Tensors:
    """Read a file as the tensors of one request.

    Rows of a .npy are taken as they are, the columns of a table by name. What goes `through` a preprocessor
    is encoded first, with the `features.json` that training left beside the folders, where there is one.
    """
    if data.suffix == ".npy":
        return _through(np.load(data, allow_pickle=False), through)
    table = read_table(data).rename(columns=str)
    features = folder.resolve().parent / "features.json"
    if through is None or not features.is_file():
        named = {name: _column(table[name]) for name in table.columns}
        return _answered(through, named) if through else named
    return _through(encode(table, read_json(features, Features)), through)


def judge_windows(step: Watcher, tensors: Tensors, size: int, rules: Rules) -> Iterator[Window]:
    """Judge consecutive windows of so many rows; rows that do not fill one are left out."""
    rows = step.gather(tensors, _ask(tensors))[ROWS].data
    streak = Streak()
    for number, first in enumerate(range(0, len(rows) - size + 1, size), start=1):
        verdict = step.judge(step.count(rows[first : first + size]), size, rules)
        streak = rules.confirmation.after(streak, verdict.state, number)
        yield Window(number, first, size, verdict, streak)


def score(step: ScoreOutlier, tensors: Tensors) -> Outliers:
    """Score all rows."""
    result = step.detector.predict(step.rows(tensors, _ask(tensors)).data)
    return Outliers(result.is_outlier.ravel(), result.instance_score)


def describe_outliers(found: Outliers, marks: NDArray[np.bool_] | None) -> Iterator[str]:
    """Tell how many rows are flagged, and how well that fits marks, shape (rows,), where there are any."""
    flagged = found.is_outlier == 1
    yield f"{int(flagged.sum()):,} of {len(flagged):,} rows are outliers ({flagged.mean():.2%})"
    if marks is not None:
        hits = int((flagged & marks).sum())
        area = roc_auc_score(marks, found.score)
        yield f"of {int(marks.sum()):,} marked rows {hits:,} are flagged; AUC {area:.4f}"


def describe_window(window: Window) -> str:
    """Tell a verdict in a line."""
    about = window.verdict.about
    moved = ", ".join(f"{name} {how}" for name, how in list(strongest(about))[:3])
    confirmed = " confirmed" if window.streak.confirmed else ""
    last = window.first + window.rows - 1
    return f"{window.number:>5}  rows {window.first:,}-{last:,}  {window.verdict.state}{confirmed}  {moved}"


def as_json(window: Window) -> dict[str, Any]:
    """Return a verdict as a report tells it."""
    verdict = window.verdict
    return {
        "window": window.number,
        "first_row": window.first,
        "n": window.rows,
        "state": verdict.state,
        "confirmed": window.streak.confirmed,
        **{name: values[0].tolist() for name, values in verdict.tensors.items()},
        **verdict.about,
    }


def strongest(about: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield features with what a person looks at: effect, too few values, or the issues that violate."""
    features = about["features"]
    for name in about["ranked"]:
        own = [one for one in features if one["feature"] == name]
        if "effect" in own[0]:
            few = next((one for one in own if one.get("insufficient")), None)
            yield name, _values(few) if few else f"{max(one['effect'] for one in own):.2f}"
        elif own[0]["violating"]:
            yield name, " and ".join(own[0]["violating"])


def _values(told: dict[str, Any]) -> str:
    return f"{told['n']:,} of {told['n'] + told['missing']:,} values"


def _through(rows: Array, through: Step | None) -> Tensors:
    tensors: Tensors = {"rows": Column(rows, np.array([len(rows)], dtype=np.int64))}
    return _answered(through, tensors) if through else tensors


def _answered(through: Step, tensors: Tensors) -> Tensors:
    answer = through.infer(tensors, _ask(tensors))
    if not isinstance(answer, dict):
        raise DeploymentError("a preprocessor answers all rows alike, this one routes them")
    return answer


def _column(values: pd.Series) -> Column:
    plain = values.astype(object).where(values.notna(), None) if values.dtype.kind not in "iuf" else values
    return Column(plain.to_numpy()[:, np.newaxis], np.array([len(values)], dtype=np.int64))


def _ask(tensors: Tensors) -> Ask:
    """Columns of a table are named; a single tensor is taken as it is."""
    return Ask("pd" if all(one.data.shape[1:] == (1,) for one in tensors.values()) else "np")
