"""Batched steps and their Monitor: is each named as what it is, and can its verdicts be trusted?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from detectors.drift.calibration import ENOUGH_WINDOWS
from operators.core.redaction import HIDDEN, Redaction
from operators.models.runtimes.data_quality import DataQualityModel
from operators.models.runtimes.drift import DriftModel
from operators.models.runtimes.outlier import OutlierModel
from operators.models.runtimes.python_class import PythonModel
from operators.models.step import Step
from operators.resources.monitor_schema import Monitor
from operators.resources.seldon_schema import Batch, Pipeline


def kind_errors(monitor: Monitor, steps: Mapping[str, Step], *, whole: bool) -> Iterator[str]:
    """Yield each step that stands under the other heading, or under one without being either.

    `steps` are those of the pipeline that could be loaded, `whole` says that these are all of them.
    """
    for i, drift in enumerate(monitor.spec.drift):
        if not isinstance(steps.get(drift.step), (DriftModel, type(None))):
            yield f"spec.drift[{i}].step: {drift.step} is no drift detector{_move(steps[drift.step])}"
    for i, quality in enumerate(monitor.spec.quality):
        if not isinstance(steps.get(quality.step), (DataQualityModel, type(None))):
            found = steps[quality.step]
            yield f"spec.quality[{i}].step: {quality.step} is no data quality check{_move(found)}"
    for i, outliers in enumerate(monitor.spec.outliers):
        if not isinstance(steps.get(outliers.step), (OutlierModel, PythonModel, type(None))):
            yield f"spec.outliers[{i}].step: {outliers.step} flags no outliers: leave it out"
    there = {name for step in steps.values() for name in _names(step)} if whole else set()
    for i, hidden in enumerate(monitor.spec.redact):
        if there and not any(Redaction([hidden]).name(name) == HIDDEN for name in there):
            known = ", ".join(sorted(there)[:20])
            yield f"spec.redact[{i}]: no detector of the pipeline has a feature {hidden!r}; there are {known}"


def _names(step: Step) -> Iterator[str]:
    """Yield the names of the columns and features that a detector knows."""
    if isinstance(step, DriftModel):
        yield from (*step.columns, *step.features)
    elif isinstance(step, DataQualityModel):
        yield from (feature.name for feature in step.quality.features)
    elif isinstance(step, OutlierModel):
        yield from step.columns


def warnings(
    pipeline: Pipeline, steps: Mapping[str, Step], folders: Mapping[str, str], min_n: Mapping[str, int]
) -> Iterator[str]:
    """Yield what makes a batched step's verdicts worth less than they could be, and the remedy.

    `folders` tells where each step's model is, `min_n` from how many rows on its windows are judged.
    """
    for i, spec in enumerate(pipeline.spec.steps):
        step, least = steps[spec.name], min_n[spec.name]
        found: Iterator[str] = iter(())
        if spec.batch.gathers and isinstance(step, DriftModel):
            found = _of_drift(step, spec.batch, folders[spec.name], least)
        elif spec.batch.gathers and isinstance(step, DataQualityModel):
            found = _too_short(spec.batch, least)
        yield from (f"spec.steps[{i}] {spec.name}: {line}" for line in found)


def _of_drift(step: DriftModel, batch: Batch, folder: str, min_n: int) -> Iterator[str]:
    reference = step.detector.n_reference
    if reference < ENOUGH_WINDOWS * batch.size:
        yield (
            f"the detector's reference has {reference} rows, fewer than ten windows of {batch.size}: its own "
            "chance looks like drift; train on more rows, or make batch.size smaller"
        )
    if any(one.window <= batch.rows for one in step.calibrations):
        return
    window = batch.size or min_n
    yield (
        f"the detector is not calibrated for windows of {window} rows, so nobody knows how often it cries "
        f"wolf: run weir calibrate {folder} --window {window}"
    )
    yield from _too_short(batch, min_n)


def _too_short(batch: Batch, min_n: int) -> Iterator[str]:
    if batch.size and batch.size < min_n:
        yield (
            f"no window of {batch.size} rows is judged, because min_n is {min_n}: set min_n in the "
            "pipeline's Monitor, or make batch.size larger"
        )


def _move(step: Step) -> str:
    if isinstance(step, DataQualityModel):
        return " but a data quality check: move it to spec.quality"
    if isinstance(step, DriftModel):
        return " but a drift detector: move it to spec.drift"
    return ": leave it out"
