"""weir calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detectors.drift.confirmation import Confirmation
from jobs.cli.options import (
    Bootstrap,
    Decimal,
    Encoding,
    MissingValues,
    Namespace,
    Prefix,
    Rate,
    Separator,
    connection,
    print_notes,
    table_format,
    waiting,
)
from jobs.kafka.request_rate import rows_a_day
from jobs.models.calibrate import calibrate_folder, describe

_DAY = 24 * 60 * 60


def calibrate(
    folder: Annotated[Path, typer.Argument(help="folder of a saved drift detector")],
    window: Annotated[int, typer.Option(help="rows of the windows that will be judged: batch.size")],
    rate: Rate = 0.01,
    data: Annotated[
        Path | None,
        typer.Option(
            help="rows without drift, no part of the reference: .npy, .csv or .parquet  [default: those that "
            "training held out]",
            show_default=False,
        ),
    ] = None,
    rows_per_second: Annotated[float, typer.Option(help="of the traffic, to tell false alarms a day")] = 0.0,
    pipeline: Annotated[str, typer.Option(help="measure rows per second on this pipeline's requests")] = "",
    confirm: Annotated[int, typer.Option(help="windows of DRIFT in a row that confirm a drift")] = 2,
    draws: Annotated[int, typer.Option(help="how many windows to draw")] = 2_000,
    separator: Separator = ",",
    decimal: Decimal = ".",
    encoding: Encoding = "utf-8",
    missing_values: MissingValues = None,
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Learn how far windows without drift move, so that no more than a stated share are called DRIFT."""
    form = table_format(separator, decimal, encoding, missing_values)
    with waiting("drawing windows"):
        done = calibrate_folder(folder, window, rate, data, draws, form=form)
    print_notes(done.notes)
    a_day = rows_per_second * _DAY
    if pipeline:
        a_day = rows_a_day(connection(bootstrap_servers, prefix, namespace), pipeline)
    print("\n".join(describe(done, a_day / window, Confirmation(confirm))))
    print(f"wrote {folder / 'calibration.json'}: apply the manifests again")
