"""The verb `weir train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.cli.option_groups import Form
from jobs.cli.options import (
    Categorical,
    Models,
    Numeric,
    Rate,
    Seed,
    TrustedRoots,
    print_notes,
    require_extra,
    split_names,
)
from jobs.cli.trusted_paths import require_trusted, writing_for_oneself
from operators.core.errors import DeploymentError
from operators.storage.trusted_roots import make_policy

if TYPE_CHECKING:
    import pandas as pd

    from jobs.data.table_format import TableFormat

_WINDOWS = [500]


def train(
    out: Models = Path("models"),
    data: Annotated[
        Path | None,
        typer.Option("--data", "--reference", help="CSV or Parquet file  [default: generated people]"),
    ] = None,
    target: Annotated[str, typer.Option(help="column that the classifier predicts")] = "income-per-year",
    drop: Annotated[str, typer.Option(help="columns to leave out, comma-separated")] = "",
    categorical: Categorical = "",
    numeric: Numeric = "",
    name: Annotated[str, typer.Option(help="name of the models")] = "income",
    monitors_only: Annotated[
        bool,
        typer.Option("--monitors-only", help="train only monitors, for an existing model; needs no target"),
    ] = False,
    preprocessor: Annotated[
        Path | None, typer.Option(help="with --monitors-only: joblib file of a fitted transformer")
    ] = None,
    predictions: Annotated[
        str, typer.Option(help="with --monitors-only: columns of the model's predictions, comma-separated")
    ] = "",
    outlier: Annotated[
        str, typer.Option(help="outlier detector: isolation-forest, mahalanobis or vae")
    ] = "isolation-forest",
    threshold: Annotated[
        str, typer.Option(help="how to choose the outlier threshold: percentile, injected or labels")
    ] = "percentile",
    outlier_percent: Annotated[
        float, typer.Option(help="for --threshold percentile: percent of rows that are outliers")
    ] = 5.0,
    outlier_label: Annotated[
        str, typer.Option(help="for --threshold labels: column of 0 and 1 that marks outliers")
    ] = "",
    window: Annotated[
        list[int], typer.Option(help="rows per window for which to calibrate drift detectors; repeatable")
    ] = _WINDOWS,
    rate: Rate = 0.01,
    rows: Annotated[int, typer.Option(help="number of people to generate without --data")] = 30_000,
    seed: Seed = 0,
    trusted_roots: TrustedRoots = "models",
    *,
    form: Form,
) -> None:
    """Train a classifier, a preprocessor, an outlier detector and drift detectors.

    Each is written to a folder in MLServer's layout.
    """
    with require_extra("train"):
        from jobs.models import train as train_monitors
    from jobs.data.declared_columns import DeclaredColumns
    from jobs.models.training.options import Options

    table, missing = _table(data, form, rows, seed, split_names(drop))
    outlier_options: Any = {"outlier": outlier, "threshold": threshold, "outlier_percent": outlier_percent}
    options = Options(name, seed, tuple(window), rate, **outlier_options)
    declared = DeclaredColumns(
        split_names(categorical),
        split_names(numeric),
        outlier_label,
        str(data or "generated people"),
        missing,
        form,
    )
    if preprocessor and monitors_only:
        require_trusted(preprocessor, make_policy(trusted_roots, ""))
    with writing_for_oneself():
        if monitors_only:
            trained = train_monitors.train_monitors_only(
                table, out, options, declared, preprocessor, split_names(predictions), _print_progress
            )
        elif preprocessor or predictions:
            raise DeploymentError("--preprocessor and --predictions need --monitors-only")
        else:
            trained = train_monitors.train(table, target, out, options, declared, _print_progress)
    print("\n".join(train_monitors.describe(trained)))


def _table(
    data: Path | None, form: TableFormat, rows: int, seed: int, drop: list[str]
) -> tuple[pd.DataFrame, dict[str, dict[str, int]]]:
    """Return the table, and the number of cells read as missing values, by column and word."""
    from jobs.data.synthetic_census import census_like
    from jobs.data.table_files import ReadTable, read_table

    table = read_table(data, form) if data else ReadTable(census_like(rows, seed), {}, [])
    print_notes(table.notes)
    unknown = [column for column in drop if column not in table.frame.columns]
    if unknown:
        columns = ", ".join(map(str, table.frame.columns))
        raise DeploymentError(
            f"--drop names {unknown[0]!r}, which is not a column; the columns are {columns}"
        )
    return table.frame.drop(columns=drop), table.missing


def _print_progress(line: str) -> None:
    print(f"  {line} …")
