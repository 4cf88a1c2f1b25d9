"""`weir submit`, `stop`, `upgrade`, `scale`: a thin layer over Flink's command line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from time import monotonic, sleep

from jobs.flink.bundle import write_bundle
from jobs.flink.command_line import Flink, flink
from jobs.flink.rest_api import Job, Rest
from jobs.kafka.admin import create_control
from jobs.releases.apply import external_pairs
from jobs.streaming.settings import Settings, parse_settings
from operators.control.control_topic import read_control
from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.kafka.brokers import Brokers
from operators.storage.trusted_roots import ArtifactPolicy
from operators.storage.uris import local_path

_SUBMITTED = r"Job has been submitted with JobID ([0-9a-f]{32})"
_SAVED = r"Savepoint completed\. Path: (\S+)"
# The monitor needs one slot in addition to the slots of infer.
_MONITOR_SLOTS = 1


def connection_arguments(brokers: Brokers, site: ArtifactPolicy) -> list[str]:
    """Return the settings of locations: Kafka brokers, trusted roots, the artifact cache, stores."""
    return [
        *("--bootstrap-servers", brokers.servers),
        *(("--kafka-config", brokers.config) if brokers.config else ()),
        *("--trusted-roots", ",".join(_absolute(root) for root in site.trusted_roots)),
        *("--artifact-cache", str(site.cache.absolute())),
        *(("--stores", site.stores.text()) if site.stores.named else ()),
    ]


def flink_run(arguments: Sequence[str], savepoint: str = "", environment: str = "") -> list[str]:
    """Return the command that submits the job for the pipelines that are live now.

    Creates the topics that every job of the namespace needs, where they are missing, as after an upgrade.
    `environment` is an archive with the Python environment in which the workers run; where it is empty, they
    run in that of the cluster.
    """
    settings = parse_settings(arguments, os.environ)
    create_control(settings.connection)
    external = external_pairs(read_control(settings.connection))
    reads = ["--external-inputs", external] if external else []
    start = ["-s", savepoint] if savepoint else []
    bundle = ["-pym", "jobs.production_monitoring", "-pyfs", str(write_bundle())]
    archive = ["-pyarch", f"{environment}#environment", "-pyexec", "environment/bin/python"]
    return flink("run", "-d", *start, *bundle, *(archive if environment else []), *arguments, *reads)


def _absolute(root: str) -> str:
    path = local_path(root)
    return root if path is None else os.path.abspath(path)


def submit(cluster: Flink, command: Sequence[str]) -> str:
    """Run the command of `flink_run` and return the job's id."""
    return cluster.call(command, _SUBMITTED)


def stop_command(job: Job) -> list[str]:
    """Return the command that stops a job with a savepoint in the cluster's configured folder."""
    return flink("stop", job.id)


def stop(cluster: Flink, command: Sequence[str]) -> str:
    """Run the command of `stop_command` and return the savepoint's path."""
    return cluster.call(command, _SAVED)


def running_job(rest: Rest, name: str) -> Job:
    """Return the job of a name, if every task of it runs.

    DeploymentError where a task does not run: Flink then cannot take a savepoint.
    """
    job = find_job(rest, name)
    if job.is_running:
        return job
    running, total = job.tasks.get("running", 0), job.tasks.get("total", 0)
    failure = rest.failure(job.id)
    raise DeploymentError(
        f"job {name} is {job.state}, {running} of {total} tasks run, so no savepoint can be taken. Fix the "
        f"job first, or cancel it in {rest.url} and submit it from its last checkpoint"
        + (f" ({failure})" if failure else "")
    )


def find_job(rest: Rest, name: str) -> Job:
    """Return the job of a name; DeploymentError where Flink does not answer or has not exactly one."""
    if not rest.is_reachable():
        raise DeploymentError(f"Flink does not answer at {rest.url}; check that the cluster is running")
    jobs = rest.jobs(name)
    if not jobs:
        running = ", ".join(job.name for job in rest.jobs()) or "none"
        raise DeploymentError(f"no job {name} runs at {rest.url}; running jobs: {running}")
    if len(jobs) > 1:
        raise DeploymentError(f"{len(jobs)} jobs have the name {name}; cancel all but one in {rest.url}")
    return jobs[0]


def arguments_of(rest: Rest, job: Job) -> Iterator[str]:
    """Yield the arguments with which a job was submitted, except those that equal the defaults.

    `--bootstrap-servers` always comes first: Flink would parse a leading `--parallelism` as its own option.
    `--external-inputs` is left out, because it follows from the pipelines that are live.
    """
    defaults, submitted = Settings(), rest.parameters(job.id)
    if not submitted:
        raise DeploymentError(f"{rest.url} did not return the settings of job {job.name}; try again")
    yield from ("--bootstrap-servers", submitted.get("bootstrap_servers", defaults.bootstrap_servers))
    for setting in fields(Settings):
        value, default = submitted.get(setting.name), str(getattr(defaults, setting.name))
        if setting.name not in ("bootstrap_servers", "external_inputs") and value not in (None, default):
            yield from (f"--{setting.name.replace('_', '-')}", str(value))


def await_running(rest: Rest, job: str, seconds: float = 120.0) -> None:
    """Wait until every task of a job runs; DeploymentError with the reason if one does not in `seconds`."""
    deadline = monotonic() + seconds
    while True:
        current = next((one for one in rest.jobs() if one.id == job), None)
        if current and current.is_running:
            return
        if monotonic() > deadline or current is None:
            state = current.state if current else "ended"
            failure = rest.failure(job) or f"see {rest.url}/#/job/running/{job}"
            raise DeploymentError(f"job {job} is {state}, not every task of it runs: {failure}")
        sleep(0.3)


def slots_missing(rest: Rest, settings: Settings, running: int = 0) -> str:
    """Return an error text if the cluster has too few free slots for the job, else an empty text.

    `running` is the parallelism of the running job that this one replaces, 0 if it replaces none.
    """
    free = rest.free_slots() + (running + _MONITOR_SLOTS if running else 0)
    needed = settings.parallelism + _MONITOR_SLOTS
    if free >= needed:
        return ""
    return (
        f"the job needs {needed} slots (infer takes {settings.parallelism}, the monitor {_MONITOR_SLOTS}), "
        f"but {free} are free; start a TaskManager, cancel another job, or lower --parallelism"
    )


def memory_warning(rest: Rest, releases: Sequence[Release]) -> str:
    """Return a warning if the models of the live pipelines do not fit into a worker's memory, else empty.

    Every slot has its own Python worker, and each worker loads all models. A worker may use its slot's share
    of the managed memory.
    """
    models: Mapping[str, int] = {
        name: one.memory for release in releases for name, one in release.artifacts.items()
    }
    needed = sum(models.values())
    for summary in (rest.get("/taskmanagers") or {}).get("taskmanagers", []):
        managed = summary["memoryConfiguration"]["managedMemory"] // max(1, summary["slotsNumber"])
        if needed > managed:
            return (
                f"the models need {needed / 1024**2:.0f} MiB in each Python worker, but a slot has "
                f"{managed / 1024**2:.0f} MiB of managed memory; raise taskmanager.memory.managed.size and "
                "taskmanager.memory.process.size in flink-conf/config.yaml, or lower the number of slots"
            )
    return ""
