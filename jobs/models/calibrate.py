"""`weir calibrate`: measure how far windows without drift move from the reference, using held-out rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detectors.drift.alibi_detect_files import CONFIG
from detectors.drift.calibration import ENOUGH_WINDOWS, Calibration, calibrate
from detectors.drift.confirmation import Confirmation
from detectors.drift.judgement import Judgement
from detectors.drift.tabular import TabularDrift
from jobs.data.feature_encoding import Features, encode
from jobs.data.table_files import read_array, read_table
from jobs.data.table_format import TableFormat
from jobs.data.usable_numbers import Rows, find_unusable, usable
from operators.core.errors import DeploymentError
from operators.models.formats.calibration import read_calibrations, write_calibrations
from operators.models.formats.drift_detector import read_named_drift
from operators.models.formats.feature_names import FeatureNames, plain_names

# File in a trained detector's folder with rows that neither the detector nor any model was trained on.
HELD_OUT = "held_out.npy"
_DEFAULT = TableFormat()


class Calibrated(NamedTuple):
    """A detector's columns, the calibration added to its folder, and the number of reference rows.

    `notes` are decisions about the rows, for the user.
    """

    columns: list[str]
    calibration: Calibration
    reference_rows: int
    notes: list[str]


class _HeldOut(NamedTuple):
    rows: Rows
    notes: list[str]


def calibrate_folder(
    folder: Path,
    window: int,
    rate: float,
    data: Path | None = None,
    draws: int = 2_000,
    seed: int = 0,
    form: TableFormat = _DEFAULT,
) -> Calibrated:
    """Calibrate a saved drift detector for windows of `window` rows; calibrations for other sizes are kept.

    `rate` is the highest share of windows without drift whose state may be DRIFT; `draws` is the number of
    windows that are drawn. Without `data`, the rows are those that training held out. Unusable values are
    left out and noted. DeploymentError for a folder or rows that cannot be used.
    """
    if not (folder / CONFIG).is_file():
        raise DeploymentError(
            f"{folder} is not the folder of a drift detector: it contains no {CONFIG}; use the folder that "
            "`weir train` (NAME-drift) or alibi-detect saved"
        )
    try:
        detector, saved_names = read_named_drift(folder)
        names = saved_names or plain_names(detector.n_features)
        held_out = _rows(folder, data, names, form)
        added = calibrate(detector, held_out.rows, window, rate, draws, seed)
    except ValueError as error:
        raise DeploymentError(f"{folder}: {error}") from error
    existing = read_calibrations(folder, detector.n_features)
    others = [calibration for calibration in existing if calibration.window != window]
    write_calibrations(folder, [*others, added])
    return Calibrated(names.columns, added, detector.n_reference, held_out.notes)


def warnings(window: int, reference_rows: int, held_out: int | None = None) -> Iterator[str]:
    """Yield a warning if reference or held-out rows are too few for a reliable false-alarm rate."""
    for rows, kind in ((reference_rows, "reference"), (held_out, "held-out")):
        if rows is not None and rows < ENOUGH_WINDOWS * window:
            yield (
                f"{rows:,} {kind} rows are fewer than {ENOUGH_WINDOWS} windows of {window:,}: false alarms "
                "will cluster; use smaller windows or more rows"
            )


def describe(calibrated: Calibrated, windows_a_day: float, confirmation: Confirmation) -> Iterator[str]:
    """Yield lines of text about a calibration: its effects and the false alarms per day."""
    added = calibrated.calibration
    least = Judgement().min_effect
    yield f"windows of {added.window:,} rows: at most {added.rate:.2%} of those without drift are DRIFT"
    yield f"  {added.windows:,} were drawn from {added.rows:,} held-out rows; --min-effect is {least:g}"
    width = max(len(column) for column in calibrated.columns)
    for column, effect in zip(calibrated.columns, added.effect.tolist(), strict=True):
        note = "" if effect > least else f"  below --min-effect, so {least:g} applies"
        yield f"  {column:{width}}  {effect:.3f}{note}"
    if windows_a_day:
        alarms = Confirmation(1, 1).false_alarms(added.rate, windows_a_day)
        confirmed = confirmation.false_alarms(added.rate, windows_a_day)
        yield f"at {windows_a_day:,.0f} windows a day: at most {_format_rate(alarms)} false alarms a day,"
        yield f"  {_format_rate(confirmed)} confirmed by {confirmation.confirm} consecutive windows"
    yield from (f"warning: {line}" for line in warnings(added.window, calibrated.reference_rows, added.rows))


def _format_rate(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


class FalseAlarms(NamedTuple):
    """Shares of windows without drift: those whose raw test fails (`is_drift`), and those in state DRIFT."""

    is_drift: float
    state: float


def false_alarms(
    detector: TabularDrift, rows: Rows, window: int, calibrations: Sequence[Calibration], draws: int = 200
) -> FalseAlarms:
    """Measure false alarms on windows drawn from rows without drift that nothing was learned from.

    `rows` has the shape (n, features).
    """
    rng = np.random.default_rng(1)
    judgement = Judgement(min_n=min(window, Judgement().min_n))
    results = [detector.test(rows[rng.choice(len(rows), window, replace=False)]) for _ in range(draws)]
    states = [judgement.state(result, window, calibrations) for result in results]
    return FalseAlarms(
        float(np.mean([result.is_drift for result in results])),
        float(np.mean([state == "DRIFT" for state in states])),
    )


def _rows(folder: Path, data: Path | None, names: FeatureNames, form: TableFormat) -> _HeldOut:
    path = data or folder / HELD_OUT
    if not path.is_file():
        hint = "" if data else ": set --data to a file of rows that are not part of the reference"
        raise DeploymentError(f"{path} does not exist{hint}")
    notes: list[str] = []
    if path.suffix == ".npy":
        rows = read_array(path).astype(np.float64)
    else:
        table = read_table(path, form)
        features = Features(names.columns, names.categories)
        rows, notes = encode(table.frame, features, form), table.notes
    if rows.shape[1] != len(names.columns):
        raise DeploymentError(
            f"{path} has rows of {rows.shape[1]} columns; the detector needs {len(names.columns)} columns"
        )
    unusable = list(find_unusable(rows, names.columns))
    rows = usable(rows)
    empty = np.isnan(rows).all(axis=0)
    if empty.any():
        name = names.columns[int(np.argmax(empty))]
        why = next((f": {values}" for values in unusable if values.column == name), "")
        raise DeploymentError(f"{path}: column {name!r} has no usable value{why}; it cannot be calibrated")
    return _HeldOut(rows, [*notes, *(f"{values}: left out" for values in unusable)])
