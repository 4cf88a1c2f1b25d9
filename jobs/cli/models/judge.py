"""weir judge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from detectors.drift.confirmation import Confirmation
from detectors.drift.judgement import Judgement
from jobs.cli.options import (
    ArtifactCache,
    Decimal,
    Encoding,
    MissingValues,
    Separator,
    TrustedRoots,
    print_notes,
    table_format,
)
from jobs.cli.trusted_paths import load_named
from operators.core.errors import DeploymentError, MismatchError, tidy
from operators.models.runtimes.batched import WindowRules
from operators.storage.trusted_roots import make_policy

if TYPE_CHECKING:
    from jobs.models.rows_to_judge import RowsToJudge
    from operators.models.runtimes.batched import BatchedStep
    from operators.models.runtimes.outlier import OutlierModel

# What a script is told by the exit code, besides 0 and the 1 of an error.
DRIFTED, NOTHING_JUDGED = 3, 4


def judge(
    folder: Annotated[Path, typer.Argument(help="folder of a drift, outlier or data quality monitor")],
    data: Annotated[Path, typer.Option(help="rows to judge: .csv, .parquet or .npy")],
    window: Annotated[int, typer.Option(help="rows of a window", min=1)] = 500,
    through: Annotated[Path | None, typer.Option(help="folder of a preprocessor in front")] = None,
    label: Annotated[str, typer.Option(help="column of 0 and 1 that marks outliers")] = "",
    min_n: Annotated[int, typer.Option(help="a window of fewer rows is INSUFFICIENT_DATA")] = 200,
    min_effect: Annotated[float, typer.Option(help="a smaller difference is no DRIFT, however sure")] = 0.1,
    confirm: Annotated[int, typer.Option(help="windows in a row that confirm")] = 2,
    resolve: Annotated[int, typer.Option(help="windows in a row that resolve")] = 2,
    tolerance: Annotated[float, typer.Option(help="share of bad values that is no VIOLATION")] = 0.01,
    most_outliers: Annotated[
        float, typer.Option(help="percent of rows; exit code 3 where more are outliers", min=0, max=100)
    ] = 100.0,
    json: Annotated[bool, typer.Option("--json", help="a report a line")] = False,
    separator: Separator = ",",
    decimal: Decimal = ".",
    encoding: Encoding = "utf-8",
    missing_values: MissingValues = None,
    trusted_roots: TrustedRoots = "models",
    artifact_cache: ArtifactCache = "",
) -> None:
    """Run a monitor over a file, window by window, without a cluster.

    Exit code 0: no window is DRIFT or VIOLATION. 3: at least one is, or more rows than --most-outliers are
    outliers. 4: every window is INSUFFICIENT_DATA. 1: an error. Notes about the file are on standard error.
    """
    from jobs.models import judge as judging
    from jobs.models.rows_to_judge import read_rows
    from operators.models.runtimes.batched import BatchedStep
    from operators.models.runtimes.outlier import OutlierModel

    form = table_format(separator, decimal, encoding, missing_values)
    site = make_policy(trusted_roots, artifact_cache)
    step = load_named(folder, site, judging.load_monitor)
    before = load_named(through, site, judging.load_monitor) if through else None
    try:
        if isinstance(step, OutlierModel):
            given = read_rows(data, step, folder, before, form, label)
            code = _outliers(step, given, most_outliers, json)
        elif isinstance(step, BatchedStep):
            given = read_rows(data, step, folder, before, form, label)
            rules = WindowRules(Judgement(min_n, min_effect), Confirmation(confirm, resolve), tolerance)
            code = _windows(step, given, window, rules, json)
        else:
            raise DeploymentError(f"{folder} is no monitor: a drift, outlier or data quality detector is")
    except (MismatchError, ValueError) as error:
        hint = "" if through else "; is a preprocessor missing in front of it (--through)?"
        raise DeploymentError(f"{data}: {folder.name} {tidy(str(error))}{hint}") from error
    raise typer.Exit(code)


def _outliers(step: OutlierModel, given: RowsToJudge, most: float, json: bool) -> int:
    from jobs.models import judge as judging

    print_notes(given.notes)
    found = judging.score(step, given.tensors)
    if json:
        print(msgspec.json.encode(judging.outliers_as_json(found, given.marks)).decode())
    else:
        print("\n".join(judging.describe_outliers(found, given.marks)))
    return DRIFTED if 100 * found.share > most else 0


def _windows(step: BatchedStep, given: RowsToJudge, size: int, rules: WindowRules, json: bool) -> int:
    from jobs.models import judge as judging

    print_notes(given.notes)
    states = set()
    for one in judging.judge_windows(step, given.tensors, size, rules, given.numbers.tolist()):
        states.add(one.verdict.state)
        print(msgspec.json.encode(judging.as_json(one)).decode() if json else judging.describe_window(one))
    if states == {"INSUFFICIENT_DATA"}:
        print_notes(["nothing was judged: no window has rows enough"])
        return NOTHING_JUDGED
    return DRIFTED if states & {"DRIFT", "VIOLATION"} else 0
