"""The verbs `weir submit`, `weir stop`, `weir upgrade` and `weir scale`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from jobs.cli.option_groups import Site, connect
from jobs.cli.options import (
    Bootstrap,
    KafkaConfig,
    Namespace,
    Prefix,
    Served,
    job_name_of,
    require_flink,
    waiting,
)
from jobs.flink import submit as submitting
from jobs.flink.command_line import Flink
from jobs.flink.overlap import require_alone
from jobs.flink.paths import home
from jobs.local_stack.stack import find
from jobs.streaming.settings import Settings, parse_settings
from operators.control.control_topic import read_control
from operators.core.errors import DeploymentError

Environment = Annotated[
    str,
    typer.Option(
        help="archive of the workers' Python, built with `make environment`  [default: the cluster's Python]",
        show_default=False,
    ),
]
Arguments = Annotated[list[str] | None, typer.Argument(help="job settings, after --", show_default=False)]


def submit(
    arguments: Arguments = None,
    savepoint: Annotated[
        str, typer.Option("-s", "--savepoint", help="savepoint to start from, printed by `weir stop`")
    ] = "",
    environment: Environment = "",
    bootstrap_servers: Bootstrap = "",
    kafka_config: KafkaConfig = "",
    *,
    site: Site,
) -> None:
    """Submit the job with `flink run`, and print that command.

    Write settings of the job after two dashes: weir submit -- --parallelism 2
    """
    cluster = require_flink()
    brokers = connect(bootstrap_servers, kafka_config)
    job_arguments = [*submitting.connection_arguments(brokers, site), *(arguments or [])]
    settings = parse_settings(job_arguments, os.environ)
    running = cluster.rest.jobs(settings.job_name)
    if running:
        raise DeploymentError(
            f"job {settings.job_name} is already running ({running[0].id}, {running[0].state}); replace it "
            "with `weir upgrade`, or stop it with `weir stop`"
        )
    require_alone(settings.job_name, cluster.rest, settings.connection)
    _check(cluster, settings)
    _run(cluster, job_arguments, savepoint, environment)


def stop(
    pipelines: Served = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Stop the job with a savepoint, and print the `flink stop` command.

    `weir submit -s` starts a job from the savepoint.
    """
    cluster = require_flink()
    print(f"to continue: weir submit -s {_stop(cluster, job_name_of(prefix, namespace, pipelines))}")


def upgrade(
    arguments: Arguments = None,
    environment: Environment = "",
    pipelines: Served = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Stop the job with a savepoint, and restart it from there with the installed version of Weir.

    The job keeps its settings, except those written after two dashes: weir upgrade -- --batch-ms 10
    """
    cluster, name = require_flink(), job_name_of(prefix, namespace, pipelines)
    job = submitting.running_job(cluster.rest, name)
    old_arguments = [*submitting.arguments_of(cluster.rest, job)]
    new_arguments = [*old_arguments, *(arguments or [])]
    settings = parse_settings(new_arguments, os.environ)
    if settings.job_name != name:
        raise DeploymentError(
            "an upgrade cannot change prefix, namespace or pipelines; submit another job instead"
        )
    _check_slots(cluster, settings, parse_settings(old_arguments, os.environ).parallelism)
    savepoint = _stop(cluster, name)
    try:
        _run(cluster, new_arguments, savepoint, environment)
    except DeploymentError as error:
        raise DeploymentError(
            f"{error}\nthe state is saved; restore it with: weir submit -s {savepoint}"
        ) from error


def scale(
    parallelism: Annotated[int, typer.Argument(help="number of subtasks of infer", min=1)],
    environment: Environment = "",
    pipelines: Served = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Change the number of subtasks of infer, as an upgrade that keeps all other settings."""
    upgrade(["--parallelism", str(parallelism)], environment, pipelines, prefix, namespace)


def _check(cluster: Flink, settings: Settings) -> None:
    """Raise DeploymentError if the job cannot run; print a warning if memory or slots may be insufficient."""
    control = read_control(settings.connection)
    if not control.heads:
        raise DeploymentError("no pipeline has been applied yet; run `weir apply -f …` first")
    stack = find(home())
    if stack:
        stack.await_taskmanager()
    _check_slots(cluster, settings)
    warning = submitting.memory_warning(cluster.rest, control.live())
    if warning:
        print(f"warning: {warning}", file=sys.stderr)


def _check_slots(cluster: Flink, settings: Settings, running: int = 0) -> None:
    """Raise DeploymentError if the local stack has too few slots; for another cluster, print a warning.

    Another cluster may start TaskManagers on demand.
    """
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
    print(f"job {job} is running: {cluster.rest.url}/#/job/running/{job}/overview")


def _stop(cluster: Flink, name: str) -> str:
    job = submitting.running_job(cluster.rest, name)
    command = submitting.stop_command(job)
    print(cluster.printable(command))
    with waiting("flink stop"):
        savepoint = submitting.stop(cluster, command)
    print(f"job {job.id} is stopped; its state is in {savepoint}")
    return savepoint
