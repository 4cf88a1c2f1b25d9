"""The verb `weir calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detectors.drift.confirmation import Confirmation
from jobs.cli.option_groups import Form, Kafka
from jobs.cli.options import (
    Rate,
    print_notes,
    waiting,
)
from jobs.kafka.request_rate import rows_a_day
from jobs.models.calibrate import calibrate_folder, describe

_SECONDS_PER_DAY = 24 * 60 * 60


def calibrate(
    folder: Annotated[Path, typer.Argument(help="folder of a saved drift detector")],
    window: Annotated[int, typer.Option(help="rows per window, as batch.size in the manifest", min=1)],
    rate: Rate = 0.01,
    data: Annotated[
        Path | None,
        typer.Option(
            help="rows without drift that are not in the reference: .npy, .csv or .parquet  "
            "[default: the rows that training held out]",
            show_default=False,
        ),
    ] = None,
    rows_per_second: Annotated[
        float, typer.Option(help="rows per second of the traffic, for false alarms per day")
    ] = 0.0,
    pipeline: Annotated[
        str, typer.Option(help="pipeline on whose requests to measure the rows per second")
    ] = "",
    confirm: Annotated[int, typer.Option(help="consecutive DRIFT windows that confirm a drift")] = 2,
    draws: Annotated[int, typer.Option(help="number of windows to draw", min=1)] = 2_000,
    *,
    form: Form,
    kafka: Kafka,
) -> None:
    """Calibrate the threshold of a drift detector, so that its false-alarm rate is at most --rate."""
    with waiting("drawing windows"):
        result = calibrate_folder(folder, window, rate, data, draws, form=form)
    print_notes(result.notes)
    rows_per_day = rows_per_second * _SECONDS_PER_DAY
    if pipeline:
        rows_per_day = rows_a_day(kafka, pipeline)
    print("\n".join(describe(result, rows_per_day / window, Confirmation(confirm))))
    print(f"wrote {folder / 'calibration.json'}; apply the manifests again to use it")
