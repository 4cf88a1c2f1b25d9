"""`weir judge`: judge the rows of a file with a saved monitor, without a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from detectors.drift.confirmation import Streak
from jobs.models.rows_to_judge import inference_options
from operators.core.tensors import Tensors
from operators.models.load import load_step
from operators.models.runtimes.batched import ROWS, BatchedStep, Verdict, WindowRules
from operators.models.runtimes.outlier import OutlierModel
from operators.models.runtimes.verdict_details import (
    DriftDetails,
    DriftFeature,
    QualityDetails,
    QualityFeature,
)
from operators.models.step import Step
from operators.resources.seldon_schema import Metadata, Model, ModelSpec
from operators.storage.digest import digest
from operators.storage.trusted_roots import ArtifactPolicy

_API: Any = "mlops.seldon.io/v1alpha1"


class Window(NamedTuple):
    """A window of a file's rows, its verdict, and the streak of states up to it.

    `first` and `last` are row numbers in the file. The last window of a file may have fewer than `size` rows.
    """

    number: int
    first: int
    last: int
    rows: int
    size: int
    verdict: Verdict
    streak: Streak


class Outliers(NamedTuple):
    """Flags and scores of rows, both of shape (rows,)."""

    is_outlier: NDArray[np.int64]
    score: NDArray[np.float64]

    @property
    def share(self) -> float:
        """Share of rows that are flagged."""
        return float((self.is_outlier == 1).mean())


def load_monitor(folder: Path, site: ArtifactPolicy) -> Step:
    """Load a model's folder as the job does; DeploymentError if that fails."""
    model = Model(
        api_version=_API,
        kind="Model",
        metadata=Metadata(name=folder.resolve().name),
        spec=ModelSpec(storage_uri=str(folder)),
    )
    return load_step(model, str(folder.resolve()), digest(folder), site)


def judge_windows(
    step: BatchedStep, tensors: Tensors, size: int, rules: WindowRules, numbers: Sequence[int] | None = None
) -> Iterator[Window]:
    """Judge consecutive windows of `size` rows. The remaining rows are judged as a shorter window.

    `numbers` are the rows' numbers in their file; the default is 0, 1, 2, …
    """
    rows = step.gather(tensors, inference_options(tensors))[ROWS].data
    row_numbers = range(len(rows)) if numbers is None else numbers
    streak = Streak()
    for number, first in enumerate(range(0, len(rows), size), start=1):
        part = rows[first : first + size]
        verdict = step.judge(step.count(part), len(part), rules)
        streak = rules.confirmation.after(streak, verdict.state, number)
        last = int(row_numbers[first + len(part) - 1])
        yield Window(number, int(row_numbers[first]), last, len(part), size, verdict, streak)


def score(step: OutlierModel, tensors: Tensors) -> Outliers:
    """Return the flags and scores of all rows."""
    with np.errstate(over="ignore"):
        result = step.detector.predict(step.rows(tensors, inference_options(tensors)).data)
    return Outliers(result.is_outlier.ravel(), result.instance_score)


def describe_outliers(outliers: Outliers, marks: NDArray[np.bool_] | None) -> Iterator[str]:
    """Yield lines of text: how many rows are flagged and how well the flags match marks, shape (rows,)."""
    flagged = outliers.is_outlier == 1
    yield f"{int(flagged.sum()):,} of {len(flagged):,} rows are outliers ({outliers.share:.2%})"
    if marks is not None:
        hits = int((flagged & marks).sum())
        yield f"of {int(marks.sum()):,} marked rows {hits:,} are flagged; AUC {_auc(outliers, marks):.4f}"


def outliers_as_json(outliers: Outliers, marks: NDArray[np.bool_] | None) -> dict[str, Any]:
    """Return the facts of `describe_outliers` as a JSON object."""
    flagged = outliers.is_outlier == 1
    about: dict[str, Any] = {"n": len(flagged), "outliers": int(flagged.sum()), "share": outliers.share}
    if marks is not None:
        hits = int((flagged & marks).sum())
        about |= {"marked": int(marks.sum()), "marked_outliers": hits, "auc": _auc(outliers, marks)}
    return about


def describe_window(window: Window) -> str:
    """Return a verdict as one line of text."""
    details = window.verdict.details
    shown = ", ".join(f"{name} {detail}" for name, detail in list(_worst(details))[:3])
    confirmed = " confirmed" if window.streak.confirmed else ""
    line = f"{window.number:>5}  rows {window.first:,}-{window.last:,}  {window.verdict.state}{confirmed}"
    needed = _needed_rows(details)
    if window.verdict.state == "INSUFFICIENT_DATA" and window.rows < needed:
        return f"{line}  {window.rows:,} rows are too few to judge; at least {needed:,} are needed (--min-n)"
    short = "" if window.rows == window.size else f"  (the last {window.rows:,} rows, of {window.size:,})"
    return f"{line}  {shown}{short}"


def columns_with_too_few_values(window: Window) -> str:
    """List the columns with too few values of a window that has enough rows; empty for any other window."""
    details = window.verdict.details
    if not isinstance(details, DriftDetails) or window.rows < _needed_rows(details):
        return ""
    return ", ".join(f"{one.column} ({one.value_counts})" for one in details.features if one.insufficient)


def _needed_rows(details: DriftDetails | QualityDetails) -> int:
    calibrated = details.calibrated if isinstance(details, DriftDetails) else []
    return min([details.min_n, *(calibration.window for calibration in calibrated)])


def as_json(window: Window) -> dict[str, Any]:
    """Return a verdict as a JSON object with the fields of a report."""
    verdict = window.verdict
    return {
        "window": window.number,
        "first_row": window.first,
        "last_row": window.last,
        "n": window.rows,
        "partial": window.rows < window.size,
        "state": verdict.state,
        "confirmed": window.streak.confirmed,
        **{name: values[0].tolist() for name, values in verdict.tensors.items()},
        **msgspec.to_builtins(verdict.details),
    }


def drifted_most(ranked: Sequence[str], features: Sequence[DriftFeature]) -> Iterator[tuple[str, str]]:
    """Yield each feature as ranked, with its largest effect, or its number of values if too few."""
    for name in ranked:
        entries = [entry for entry in features if entry.feature == name]
        insufficient = next((entry for entry in entries if entry.insufficient), None)
        if insufficient:
            yield name, insufficient.value_counts
        elif entries:
            yield name, f"{max(entry.effect or 0.0 for entry in entries):.2f}"


def violating(ranked: Sequence[str], features: Sequence[QualityFeature]) -> Iterator[tuple[str, str]]:
    """Yield each feature with violations as ranked, with these."""
    by_name = {feature.feature: feature for feature in features}
    for name in ranked:
        if name in by_name and by_name[name].violating:
            yield name, " and ".join(by_name[name].violating)


def _worst(details: DriftDetails | QualityDetails) -> Iterator[tuple[str, str]]:
    if isinstance(details, DriftDetails):
        return drifted_most(details.ranked, details.features)
    return violating(details.ranked, details.features)


def _auc(outliers: Outliers, marks: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve; NaN if all rows or none are marked."""
    return float(roc_auc_score(marks, outliers.score)) if 0 < marks.sum() < len(marks) else float("nan")
