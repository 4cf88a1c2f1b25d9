"""weir judge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from detectors.confirmation import Confirmation
from detectors.judgement import Judgement
from jobs.cli.options import ArtifactCache, TrustedRoots
from jobs.cli.trusting import load_named
from operators.artifacts.trust import make_site
from operators.errors import DeploymentError, MismatchError, tidy
from operators.steps.watching import Rules


def judge(
    folder: Annotated[Path, typer.Argument(help="folder of a drift, outlier or data quality monitor")],
    data: Annotated[Path, typer.Option(help="rows to judge: .csv, .parquet or .npy")],
    window: Annotated[int, typer.Option(help="rows of a window")] = 500,
    through: Annotated[Path | None, typer.Option(help="folder of a preprocessor in front")] = None,
    label: Annotated[str, typer.Option(help="column of 0 and 1 that marks outliers")] = "",
    min_n: Annotated[int, typer.Option(help="a window of fewer rows is INSUFFICIENT_DATA")] = 200,
    min_effect: Annotated[float, typer.Option(help="a smaller difference is no DRIFT, however sure")] = 0.1,
    confirm: Annotated[int, typer.Option(help="windows in a row that confirm")] = 2,
    resolve: Annotated[int, typer.Option(help="windows in a row that resolve")] = 2,
    tolerance: Annotated[float, typer.Option(help="share of bad values that is no VIOLATION")] = 0.01,
    json: Annotated[bool, typer.Option("--json", help="a report a line")] = False,
    trusted_roots: TrustedRoots = "models",
    artifact_cache: ArtifactCache = "",
) -> None:
    """Run a monitor over a file, window by window, without a cluster."""
    from jobs import judging
    from jobs.data.features import read_table
    from jobs.training.declared import marked
    from operators.steps.score_outlier import ScoreOutlier
    from operators.steps.watching import Watcher

    site = make_site(trusted_roots, artifact_cache)
    step = load_named(folder, site, judging.load_monitor)
    before = load_named(through, site, judging.load_monitor) if through else None
    try:
        tensors = judging.read_rows(data, folder, before)
        if isinstance(step, ScoreOutlier):
            marks = marked(read_table(data), label) if label else None
            print("\n".join(judging.describe_outliers(judging.score(step, tensors), marks)))
            return
        if not isinstance(step, Watcher):
            raise DeploymentError(f"{folder} is no monitor: a drift, outlier or data quality detector is")
        rules = Rules(Judgement(min_n, min_effect), Confirmation(confirm, resolve), tolerance)
        for one in judging.judge_windows(step, tensors, window, rules):
            print(
                msgspec.json.encode(judging.as_json(one)).decode() if json else judging.describe_window(one)
            )
    except (MismatchError, ValueError) as error:
        hint = "" if through else "; is a preprocessor missing in front of it (--through)?"
        raise DeploymentError(f"{data}: {folder.name} {tidy(str(error))}{hint}") from error
