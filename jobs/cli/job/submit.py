"""weir submit, weir stop, weir upgrade, weir scale."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from jobs.cli.options import (
    ArtifactCache,
    Bootstrap,
    Namespace,
    Prefix,
    Served,
    StoresSetting,
    TrustedRoots,
    connection,
    job_name_of,
    require_flink,
    waiting,
)
from jobs.flink import submit as submitting
from jobs.flink.command_line import Flink
from jobs.flink.paths import home
from jobs.local_stack.stack import find
from jobs.streaming.settings import Settings, parse_settings
from operators.control.control_topic import read_control
from operators.core.errors import DeploymentError
from operators.storage.trusted_roots import make_policy

Environment = Annotated[
    str,
    typer.Option(
        help="archive of the Python of the workers, as `make environment` makes it  [default: the cluster's]",
        show_default=False,
    ),
]
Arguments = Annotated[list[str] | None, typer.Argument(help="job settings, after --", show_default=False)]


def submit(
    arguments: Arguments = None,
    savepoint: Annotated[str, typer.Option("-s", "--savepoint", help="go on where it was stopped")] = "",
    environment: Environment = "",
    trusted_roots: TrustedRoots = "models",
    artifact_cache: ArtifactCache = "",
    stores: StoresSetting = "",
    bootstrap_servers: Bootstrap = "",
) -> None:
    """Submit the job with `flink run`, which is printed.

    Settings of the job follow two dashes: weir submit -- --parallelism 2
    """
    cluster = require_flink()
    bootstrap = connection(bootstrap_servers, "", "").bootstrap
    where = submitting.connection_arguments(bootstrap, make_policy(trusted_roots, artifact_cache, stores))
    given = [*where, *(arguments or [])]
    settings = parse_settings(given, os.environ)
    running = cluster.rest.jobs(settings.job_name)
    if running:
        raise DeploymentError(
            f"job {settings.job_name} runs already ({running[0].id}, {running[0].state}): `weir upgrade` "
            "replaces it, `weir stop` stops it"
        )
    _check(cluster, settings)
    _run(cluster, given, savepoint, environment)


def stop(
    pipelines: Served = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Stop the job with a savepoint, from which `weir submit -s` goes on; `flink stop` is printed."""
    cluster = require_flink()
    print(f"to go on: weir submit -s {_stop(cluster, job_name_of(prefix, namespace, pipelines))}")


def upgrade(
    arguments: Arguments = None,
    environment: Environment = "",
    pipelines: Served = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Stop the job with a savepoint, and go on from there with the code that is here now.

    Settings stay as they are, but for those that follow two dashes: weir upgrade -- --batch-ms 10
    """
    cluster, name = require_flink(), job_name_of(prefix, namespace, pipelines)
    job = submitting.running_job(cluster.rest, name)
    before = [*submitting.arguments_of(cluster.rest, job)]
    given = [*before, *(arguments or [])]
    settings = parse_settings(given, os.environ)
    if settings.job_name != name:
        raise DeploymentError("an upgrade cannot change prefix, namespace or pipelines: submit another job")
    _check_slots(cluster, settings, parse_settings(before, os.environ).parallelism)
    savepoint = _stop(cluster, name)
    try:
        _run(cluster, given, savepoint, environment)
    except DeploymentError as error:
        raise DeploymentError(f"{error}\nthe state is safe: weir submit -s {savepoint}") from error


def scale(
    parallelism: Annotated[int, typer.Argument(help="subtasks of infer", min=1)],
    environment: Environment = "",
    pipelines: Served = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Give infer another number of subtasks: an upgrade that changes nothing else."""
    upgrade(["--parallelism", str(parallelism)], environment, pipelines, prefix, namespace)


def _check(cluster: Flink, settings: Settings) -> None:
    """Refuse what cannot run on the local stack, and warn of what may not elsewhere."""
    control = read_control(settings.connection)
    if not control.heads:
        raise DeploymentError("nothing has been applied yet: run `weir apply -f …` first")
    stack = find(home())
    if stack and stack.replace_taskmanager():
        print("no TaskManager was left: started another", file=sys.stderr)
    _check_slots(cluster, settings)
    warning = submitting.memory_warning(cluster.rest, control.live())
    if warning:
        print(f"warning: {warning}", file=sys.stderr)


def _check_slots(cluster: Flink, settings: Settings, running: int = 0) -> None:
    """Refuse what has no slots on the local stack; warn of it elsewhere, where slots may come when asked."""
    missing = submitting.slots_missing(cluster.rest, settings, running)
    if missing and find(home()):
        raise DeploymentError(missing)
    if missing:
        print(f"warning: {missing}", file=sys.stderr)


def _run(cluster: Flink, arguments: Sequence[str], savepoint: str, environment: str) -> None:
    command = submitting.flink_run(arguments, savepoint, environment)
    print(cluster.printable(command))
    with waiting("flink run"):
        job = submitting.submit(cluster, command)
        submitting.await_running(cluster.rest, job)
    print(f"job {job} runs: {cluster.rest.url}/#/job/running/{job}/overview")


def _stop(cluster: Flink, name: str) -> str:
    job = submitting.running_job(cluster.rest, name)
    command = submitting.stop_command(job)
    print(cluster.printable(command))
    with waiting("flink stop"):
        savepoint = submitting.stop(cluster, command)
    print(f"job {job.id} is stopped, its state is in {savepoint}")
    return savepoint
