"""weir retrain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jobs.cli.options import (
    ArtifactCache,
    Bootstrap,
    Namespace,
    Prefix,
    Rate,
    Seed,
    StoresSetting,
    TrustedRoots,
    connection,
)
from jobs.cli.trusted_paths import require_trusted, writing_for_oneself
from operators.core.errors import DeploymentError
from operators.storage.trusted_roots import make_policy


def retrain(
    pipeline: Annotated[str, typer.Argument(help="a live pipeline")],
    out: Annotated[Path, typer.Option(help="folder for the new detectors and their manifests")],
    last: Annotated[int, typer.Option(help="how many of the newest requests to read")] = 20_000,
    drifted: Annotated[
        str, typer.Option(help="requests of windows reported as drifted: exclude, include or only")
    ] = "exclude",
    outlier_percent: Annotated[float, typer.Option(help="of rows that are outliers")] = 5.0,
    rate: Rate = 0.01,
    seed: Seed = 0,
    trusted_roots: TrustedRoots = "models",
    artifact_cache: ArtifactCache = "",
    stores: StoresSetting = "",
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Train a live pipeline's monitors anew from its recent requests, and check them against the old ones."""
    try:
        from jobs.models.retraining import retrain as retraining
    except ImportError as error:
        raise DeploymentError(f"{error}: training needs the extra, pip install 'weir[train]'") from None
    from jobs.models.training.options import Options

    if drifted not in ("exclude", "include", "only"):
        raise DeploymentError(f"--drifted must be exclude, include or only, got {drifted!r}")
    options = Options(pipeline, seed, rate=rate, outlier_percent=outlier_percent).check()
    where, site = (
        connection(bootstrap_servers, prefix, namespace),
        make_policy(trusted_roots, artifact_cache, stores),
    )
    how: Any = drifted
    with writing_for_oneself():
        out.mkdir(parents=True, exist_ok=True)
        require_trusted(out, site)  # what is trained there is loaded from there
        done = retraining.retrain(
            where, pipeline, out, site, last, how, options, on_progress=lambda line: print(f"  {line} …")
        )
    print("\n".join(retraining.describe(done)))
    if not done.passed:
        raise DeploymentError("a check failed: look at it before you apply what was written")
    print(f"apply it with: weir apply -f {out / f'{pipeline}.yaml'} --trusted-roots {trusted_roots},{out}")
