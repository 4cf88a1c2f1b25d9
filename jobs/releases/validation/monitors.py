"""Checks of a Monitor against the kinds of its steps, and of whether verdicts can be trusted."""

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


def kind_errors(monitor: Monitor, steps: Mapping[str, Step], *, is_complete: bool) -> Iterator[str]:
    """Yield an error for each step in a section of the Monitor that does not fit its kind.

    Also for a redacted name that no detector has, where `is_complete`. `steps` are the loaded steps of the
    pipeline; `is_complete` means that all of them are loaded.
    """
    for i, drift in enumerate(monitor.spec.drift):
        if not isinstance(steps.get(drift.step), (DriftModel, type(None))):
            yield f"spec.drift[{i}].step: {drift.step} is not a drift detector{_remedy(steps[drift.step])}"
    for i, quality in enumerate(monitor.spec.quality):
        if not isinstance(steps.get(quality.step), (DataQualityModel, type(None))):
            remedy = _remedy(steps[quality.step])
            yield f"spec.quality[{i}].step: {quality.step} is not a data quality check{remedy}"
    for i, outliers in enumerate(monitor.spec.outliers):
        if not isinstance(steps.get(outliers.step), (OutlierModel, PythonModel, type(None))):
            yield f"spec.outliers[{i}].step: {outliers.step} does not flag outliers; remove it"
    names = {name for step in steps.values() for name in _names(step)} if is_complete else set()
    for i, redacted in enumerate(monitor.spec.redact):
        if names and not any(Redaction([redacted]).name(name) == HIDDEN for name in names):
            existing = ", ".join(sorted(names)[:20])
            yield (
                f"spec.redact[{i}]: no detector of the pipeline has a feature {redacted!r}; "
                f"there are {existing}"
            )


def _names(step: Step) -> Iterator[str]:
    """Yield the names of a detector's columns and features."""
    if isinstance(step, DriftModel):
        yield from (*step.columns, *step.features)
    elif isinstance(step, DataQualityModel):
        yield from (feature.name for feature in step.quality.features)
    elif isinstance(step, OutlierModel):
        yield from step.columns


def warnings(
    pipeline: Pipeline, steps: Mapping[str, Step], folders: Mapping[str, str], min_n: Mapping[str, int]
) -> Iterator[str]:
    """Yield a warning, with the remedy, for each reason why a batched step's verdicts are less reliable.

    `folders` maps a step to its model's URI, `min_n` to the least number of rows of a window that is judged.
    """
    for i, spec in enumerate(pipeline.spec.steps):
        step, least = steps[spec.name], min_n[spec.name]
        lines: Iterator[str] = iter(())
        if spec.batch.is_batched and isinstance(step, DriftModel):
            lines = _drift_warnings(step, spec.batch, folders[spec.name], least)
        elif spec.batch.is_batched and isinstance(step, DataQualityModel):
            lines = _short_window_warnings(spec.batch, least)
        yield from (f"spec.steps[{i}] {spec.name}: {line}" for line in lines)


def _drift_warnings(step: DriftModel, batch: Batch, folder: str, min_n: int) -> Iterator[str]:
    reference = step.detector.n_reference
    if reference < ENOUGH_WINDOWS * batch.size:
        yield (
            f"the detector's reference has {reference} rows, fewer than ten windows of {batch.size}, so "
            "its sampling error can look like drift; train on more rows, or decrease batch.size"
        )
    if any(calibration.window <= batch.rows for calibration in step.calibrations):
        return
    window = batch.size or min_n
    yield (
        f"the detector is not calibrated for windows of {window} rows; its false-alarm rate is unknown: "
        f"run weir calibrate {folder} --window {window}"
    )
    yield from _short_window_warnings(batch, min_n)


def _short_window_warnings(batch: Batch, min_n: int) -> Iterator[str]:
    if batch.size and batch.size < min_n:
        yield (
            f"no window of {batch.size} rows is judged, because min_n is {min_n}; decrease min_n in the "
            "pipeline's Monitor, or increase batch.size"
        )


def _remedy(step: Step) -> str:
    if isinstance(step, DataQualityModel):
        return " but a data quality check; move it to spec.quality"
    if isinstance(step, DriftModel):
        return " but a drift detector; move it to spec.drift"
    return "; remove it"
