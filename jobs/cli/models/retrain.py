"""The verb `weir retrain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jobs.cli.option_groups import Kafka, Site
from jobs.cli.options import (
    Rate,
    Seed,
    require_extra,
)
from jobs.cli.trusted_paths import require_trusted, writing_for_oneself
from operators.core.errors import DeploymentError


def retrain(
    pipeline: Annotated[str, typer.Argument(help="name of a live pipeline")],
    out: Annotated[Path, typer.Option(help="folder to write the new detectors and manifests to")],
    last: Annotated[int, typer.Option(help="number of the newest requests to read")] = 20_000,
    drifted: Annotated[
        str, typer.Option(help="whether to use requests in windows with drift: exclude, include or only")
    ] = "exclude",
    outlier_percent: Annotated[float, typer.Option(help="percent of rows that are outliers")] = 5.0,
    rate: Rate = 0.01,
    seed: Seed = 0,
    *,
    site: Site,
    kafka: Kafka,
) -> None:
    """Retrain a live pipeline's monitors on its recent requests, and compare them with the old ones."""
    with require_extra("train"):
        from jobs.models.retraining import retrain as retraining
    from jobs.models.training.options import Options

    if drifted not in ("exclude", "include", "only"):
        raise DeploymentError(f"--drifted is {drifted!r}; it must be exclude, include or only")
    options = Options(pipeline, seed, rate=rate, outlier_percent=outlier_percent).check()
    selection: Any = drifted
    with writing_for_oneself():
        out.mkdir(parents=True, exist_ok=True)
        require_trusted(out, site)  # the new models are loaded from this folder
        result = retraining.retrain(
            kafka, pipeline, out, site, last, selection, options, lambda line: print(f"  {line} …")
        )
    print("\n".join(retraining.describe(result)))
    if not result.passed:
        raise DeploymentError("a check failed; examine it before you apply the new manifests")
    manifests, roots = out / f"{pipeline}.yaml", ",".join((*site.trusted_roots, str(out)))
    print(f"apply it with: weir apply -f {manifests} --trusted-roots {roots}")
