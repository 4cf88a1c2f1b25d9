"""`weir judge`: a saved monitor and a file of rows → what it would say of them, without a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from detectors.drift.confirmation import Streak
from jobs.models.rows_to_judge import inference_options
from operators.core.tensors import Tensors
from operators.models.load import load_step
from operators.models.runtimes.batched import ROWS, BatchedStep, Verdict, WindowRules
from operators.models.runtimes.outlier import OutlierModel
from operators.models.step import Step
from operators.resources.seldon_schema import Metadata, Model, ModelSpec
from operators.storage.digest import digest
from operators.storage.trusted_roots import ArtifactPolicy

_API: Any = "mlops.seldon.io/v1alpha1"


class Window(NamedTuple):
    """Some rows of a file, from number `first` to `last`, the verdict on them, and what windows in a row
    confirmed. The last window may have fewer rows than the `size` that was asked for."""

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
    """Load a model's folder as the job would. DeploymentError where it cannot."""
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
    """Judge consecutive windows of so many rows; what is left at the end is judged as a shorter one.

    `numbers` are the rows' own, else from 0 on.
    """
    rows = step.gather(tensors, inference_options(tensors))[ROWS].data
    own = range(len(rows)) if numbers is None else numbers
    streak = Streak()
    for number, first in enumerate(range(0, len(rows), size), start=1):
        part = rows[first : first + size]
        verdict = step.judge(step.count(part), len(part), rules)
        streak = rules.confirmation.after(streak, verdict.state, number)
        last = int(own[first + len(part) - 1])
        yield Window(number, int(own[first]), last, len(part), size, verdict, streak)


def score(step: OutlierModel, tensors: Tensors) -> Outliers:
    """Score all rows."""
    with np.errstate(over="ignore"):
        result = step.detector.predict(step.rows(tensors, inference_options(tensors)).data)
    return Outliers(result.is_outlier.ravel(), result.instance_score)


def describe_outliers(found: Outliers, marks: NDArray[np.bool_] | None) -> Iterator[str]:
    """Tell how many rows are flagged, and how well that fits marks, shape (rows,), where there are any."""
    flagged = found.is_outlier == 1
    yield f"{int(flagged.sum()):,} of {len(flagged):,} rows are outliers ({found.share:.2%})"
    if marks is not None:
        hits = int((flagged & marks).sum())
        yield f"of {int(marks.sum()):,} marked rows {hits:,} are flagged; AUC {_auc(found, marks):.4f}"


def outliers_as_json(found: Outliers, marks: NDArray[np.bool_] | None) -> dict[str, Any]:
    """Return the same for a program."""
    flagged = found.is_outlier == 1
    about: dict[str, Any] = {"n": len(flagged), "outliers": int(flagged.sum()), "share": found.share}
    if marks is not None:
        hits = int((flagged & marks).sum())
        about |= {"marked": int(marks.sum()), "marked_outliers": hits, "auc": _auc(found, marks)}
    return about


def describe_window(window: Window) -> str:
    """Tell a verdict in a line."""
    about = window.verdict.about
    moved = ", ".join(f"{name} {how}" for name, how in list(strongest(about))[:3])
    confirmed = " confirmed" if window.streak.confirmed else ""
    line = f"{window.number:>5}  rows {window.first:,}-{window.last:,}  {window.verdict.state}{confirmed}"
    least = min([about["min_n"], *(one["window"] for one in about.get("calibrated", ()))])
    if window.verdict.state == "INSUFFICIENT_DATA" and window.rows < least:
        return f"{line}  {window.rows:,} rows are too few to judge, at least {least:,} are needed (--min-n)"
    short = "" if window.rows == window.size else f"  (the last {window.rows:,} rows, of {window.size:,})"
    return f"{line}  {moved}{short}"


def as_json(window: Window) -> dict[str, Any]:
    """Return a verdict as a report tells it."""
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


def _auc(found: Outliers, marks: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve, NaN where all rows or none are marked."""
    return float(roc_auc_score(marks, found.score)) if 0 < marks.sum() < len(marks) else float("nan")
