"""The verb `weir judge`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from detectors.drift.confirmation import Confirmation
from detectors.drift.judgement import Judgement
from jobs.cli.option_groups import Form
from jobs.cli.options import (
    ArtifactCache,
    TrustedRoots,
    print_notes,
)
from jobs.cli.trusted_paths import load_named
from operators.core.errors import DeploymentError, MismatchError, one_line
from operators.models.runtimes.batched import WindowRules
from operators.storage.trusted_roots import make_policy

if TYPE_CHECKING:
    from jobs.models.rows_to_judge import RowsToJudge
    from operators.models.runtimes.batched import BatchedStep
    from operators.models.runtimes.outlier import OutlierModel

# Exit codes besides 0 and the 1 of an error.
DRIFTED, NOTHING_JUDGED = 3, 4


def judge(
    folder: Annotated[Path, typer.Argument(help="folder of a drift, outlier or data quality monitor")],
    data: Annotated[Path, typer.Option(help="rows to judge: .csv, .parquet or .npy")],
    window: Annotated[int, typer.Option(help="rows per window", min=1)] = 500,
    through: Annotated[
        Path | None, typer.Option(help="folder of a preprocessor to run before the monitor")
    ] = None,
    label: Annotated[str, typer.Option(help="column of 0 and 1 that marks outliers")] = "",
    min_n: Annotated[int, typer.Option(help="windows with fewer rows are INSUFFICIENT_DATA")] = 200,
    min_effect: Annotated[
        float, typer.Option(help="smaller effects are not DRIFT, even if significant")
    ] = 0.1,
    confirm: Annotated[int, typer.Option(help="consecutive DRIFT windows that confirm a drift")] = 2,
    resolve: Annotated[int, typer.Option(help="consecutive windows without DRIFT that resolve it")] = 2,
    tolerance: Annotated[float, typer.Option(help="highest share of bad values without VIOLATION")] = 0.01,
    most_outliers: Annotated[
        float, typer.Option(help="percent of rows; the exit code is 3 if more are outliers", min=0, max=100)
    ] = 100.0,
    json: Annotated[bool, typer.Option("--json", help="print JSON, one report per line")] = False,
    trusted_roots: TrustedRoots = "models",
    artifact_cache: ArtifactCache = "",
    *,
    form: Form,
) -> None:
    """Run a monitor over a file, window by window, without a cluster.

    Exit code 0: no window is DRIFT or VIOLATION. 3: at least one is, or more than --most-outliers percent of
    the rows are outliers. 4: every window is INSUFFICIENT_DATA. 1: an error. Notes about the file are printed
    to standard error.
    """
    from jobs.models import judge as judging
    from jobs.models.rows_to_judge import read_rows
    from operators.models.runtimes.batched import BatchedStep
    from operators.models.runtimes.outlier import OutlierModel

    site = make_policy(trusted_roots, artifact_cache)
    step = load_named(folder, site, judging.load_monitor)
    preprocessor = load_named(through, site, judging.load_monitor) if through else None
    try:
        if isinstance(step, OutlierModel):
            rows = read_rows(data, step, folder, preprocessor, form, label)
            code = _judge_outliers(step, rows, most_outliers, json)
        elif isinstance(step, BatchedStep):
            rows = read_rows(data, step, folder, preprocessor, form, label)
            rules = WindowRules(Judgement(min_n, min_effect), Confirmation(confirm, resolve), tolerance)
            code = _judge_windows(step, rows, window, rules, json)
        else:
            raise DeploymentError(
                f"{folder} is not a monitor; use the folder of a drift, outlier or data quality detector"
            )
    except (MismatchError, ValueError) as error:
        hint = "" if through else "; if it needs a preprocessor, set --through"
        raise DeploymentError(f"{data}: {folder.name} {one_line(str(error))}{hint}") from error
    raise typer.Exit(code)


def _judge_outliers(step: OutlierModel, rows: RowsToJudge, most_percent: float, json: bool) -> int:
    """Print the outliers among the rows; return the exit code."""
    from jobs.models import judge as judging

    print_notes(rows.notes)
    outliers = judging.score(step, rows.tensors)
    if json:
        print(msgspec.json.encode(judging.outliers_as_json(outliers, rows.marks)).decode())
    else:
        print("\n".join(judging.describe_outliers(outliers, rows.marks)))
    return DRIFTED if 100 * outliers.share > most_percent else 0


def _judge_windows(step: BatchedStep, rows: RowsToJudge, size: int, rules: WindowRules, json: bool) -> int:
    """Print a report of each window of `size` rows; return the exit code."""
    from jobs.models import judge as judging

    print_notes(rows.notes)
    states, columns = set(), ""
    for window in judging.judge_windows(step, rows.tensors, size, rules, rows.numbers.tolist()):
        states.add(window.verdict.state)
        columns = columns or judging.columns_with_too_few_values(window)
        if json:
            print(msgspec.json.encode(judging.as_json(window)).decode())
        else:
            print(judging.describe_window(window))
    if states == {"INSUFFICIENT_DATA"}:
        why = f"these columns have too few values: {columns}" if columns else "every window has too few rows"
        print_notes([f"nothing was judged, because {why}"])
        return NOTHING_JUDGED
    return DRIFTED if states & {"DRIFT", "VIOLATION"} else 0
