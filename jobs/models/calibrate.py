"""`weir calibrate`: rows held out of a reference → how far windows without drift move from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detectors.drift.calibration import ENOUGH_WINDOWS, Calibration, calibrate
from detectors.drift.confirmation import Confirmation
from detectors.drift.judgement import Judgement
from detectors.drift.tabular import TabularDrift
from jobs.data.feature_encoding import Features, encode
from jobs.data.table_files import read_array, read_table
from jobs.data.table_format import TableFormat
from jobs.data.usable_numbers import Rows, left_out, usable
from operators.core.errors import DeploymentError
from operators.models.formats.calibration import read_calibrations, write_calibrations
from operators.models.formats.drift_detector import read_named_drift
from operators.models.formats.feature_names import FeatureNames, plain_names

# Beside a detector that was trained here: rows that neither it nor any model has seen.
HELD_OUT = "held_out.npy"
_DEFAULT = TableFormat()


class Calibrated(NamedTuple):
    """A detector's columns, the calibration that was added to its folder, and the sizes it rests on.

    `notes` say what was decided about the rows.
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
    """Calibrate a saved drift detector for windows of a size; other sizes in its folder stay.

    Without `data` the rows are those that training held out. Values that no reference can hold are left out
    and told. DeploymentError tells what cannot be used.
    """
    try:
        detector, known = read_named_drift(folder)
        names = known or plain_names(detector.n_features)
        held_out = _rows(folder, data, names, form)
        added = calibrate(detector, held_out.rows, window, rate, draws, seed)
    except ValueError as error:
        raise DeploymentError(f"{folder}: {error}") from error
    others = [one for one in read_calibrations(folder, detector.n_features) if one.window != window]
    write_calibrations(folder, [*others, added])
    return Calibrated(names.columns, added, detector.n_reference, held_out.notes)


def warnings(window: int, reference_rows: int, held_out: int | None = None) -> Iterator[str]:
    """Say where so few rows stand behind a window that one sample's luck decides."""
    for rows, what in ((reference_rows, "reference"), (held_out, "held-out")):
        if rows is not None and rows < ENOUGH_WINDOWS * window:
            yield (
                f"{rows:,} {what} rows are fewer than {ENOUGH_WINDOWS} windows of {window:,}: false alarms "
                "will cluster; take smaller windows or more rows"
            )


def describe(done: Calibrated, windows_a_day: float, confirmation: Confirmation) -> Iterator[str]:
    """Tell what was found, a line each."""
    added = done.calibration
    least = Judgement().min_effect
    yield f"windows of {added.window:,} rows: of those without drift at most {added.rate:.2%} are DRIFT"
    yield f"  {added.windows:,} were drawn from {added.rows:,} held-out rows; --min-effect is {least:g}"
    width = max(len(column) for column in done.columns)
    for column, effect in zip(done.columns, added.effect.tolist(), strict=True):
        note = "" if effect > least else f"  below --min-effect, so {least:g} counts"
        yield f"  {column:{width}}  {effect:.3f}{note}"
    if windows_a_day:
        alarms = Confirmation(1, 1).false_alarms(added.rate, windows_a_day)
        confirmed = confirmation.false_alarms(added.rate, windows_a_day)
        yield f"at {windows_a_day:,.0f} windows a day: at most {_few(alarms)} false alarms a day,"
        yield f"  {_few(confirmed)} confirmed by {confirmation.confirm} windows in a row"
    yield from (f"warning: {line}" for line in warnings(added.window, done.reference_rows, added.rows))


def _few(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


class FalseAlarms(NamedTuple):
    """Shares of windows without drift: `is_drift` by the arithmetic alone, and state DRIFT."""

    is_drift: float
    state: float


def false_alarms(
    detector: TabularDrift, rows: Rows, window: int, calibrations: Sequence[Calibration], draws: int = 200
) -> FalseAlarms:
    """Judge windows drawn from rows without drift, shape (n, features), that nothing was learned from."""
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
        hint = "" if data else ": name rows that are no part of the reference with --data"
        raise DeploymentError(f"{path} does not exist{hint}")
    notes: list[str] = []
    if path.suffix == ".npy":
        rows = read_array(path).astype(np.float64)
    else:
        table = read_table(path, form)
        rows, notes = encode(table.frame, Features(names.columns, names.categories)), table.notes
    if rows.shape[1] != len(names.columns):
        raise DeploymentError(
            f"{path} holds rows of {rows.shape[1]} columns, the detector takes {len(names.columns)} columns"
        )
    odd = list(left_out(rows, names.columns))
    rows = usable(rows)
    empty = np.isnan(rows).all(axis=0)
    if empty.any():
        name = names.columns[int(np.argmax(empty))]
        why = next((f": {one}" for one in odd if one.column == name), "")
        raise DeploymentError(
            f"{path}: column {name!r} has no value that can be used{why}; nothing can be learned of it"
        )
    return _HeldOut(rows, [*notes, *(f"{one}: left out" for one in odd)])
