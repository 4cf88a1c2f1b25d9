"""weir train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.options import Models
from operators.errors import DeploymentError


def train(
    out: Models = Path("models"),
    data: Annotated[Path | None, typer.Option(help="CSV with a header  [default: generated people]")] = None,
    target: Annotated[str, typer.Option(help="column that the classifier predicts")] = "income-per-year",
    drop: Annotated[str, typer.Option(help="columns to leave out, by commas")] = "",
    name: Annotated[str, typer.Option(help="name of the models")] = "income",
    rows: Annotated[int, typer.Option(help="how many people to generate without --data")] = 30_000,
    seed: Annotated[int, typer.Option(help="seed of everything random")] = 0,
) -> None:
    """Train classifier, preprocessor, outlier and drift detectors, in the folders MLServer expects."""
    try:
        from jobs import train_monitors
    except ImportError as error:
        raise DeploymentError(f"{error}: training needs the extra, pip install 'weir[train]'") from None
    from jobs.data.census_like import census_like
    from jobs.data.features import read_table

    table = read_table(data) if data else census_like(rows, seed)
    unknown = [column for column in drop.split(",") if column and column not in table.columns]
    if unknown:
        raise DeploymentError(f"--drop names {unknown[0]!r}, but the columns are {', '.join(table.columns)}")
    table = table.drop(columns=[column for column in drop.split(",") if column])
    trained = train_monitors.train(table, target, out, name, seed, say=lambda line: print(f"  {line} …"))
    print("\n".join(train_monitors.describe(trained)))
