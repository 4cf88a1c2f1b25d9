"""What the image installs runs: in application mode, and as the environment of another cluster's workers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from jobs.flink import submit
from jobs.flink.command_line import Flink
from jobs.flink.paths import ROOT
from jobs.flink.rest_api import Rest
from jobs.kafka.pipeline_client import PipelineClient, request_body
from jobs.local_stack import processes
from jobs.local_stack.flink_cluster import Cluster
from jobs.local_stack.ports import HOST, free_ports
from jobs.local_stack.stack import Stack
from jobs.releases.apply import apply
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics
from tests.end_to_end.deployment import await_true
from tests.end_to_end.project import Project
from tests.support.environments import environment, run

ENVIRONMENT = ROOT / "build" / "environment"
SPEC: dict[str, Any] = {
    "steps": [
        {"name": "income-preprocess"},
        {"name": "income-classifier", "inputs": ["income-preprocess"]},
        {"name": "income-outlier", "inputs": ["income-preprocess"]},
        {"name": "income-drift", "batch": {"size": 40}},
    ],
    "output": {"steps": ["income-classifier", "income-outlier"]},
}


@pytest.fixture(scope="module")
def archive() -> Path:
    run("make", "environment", cwd=ROOT)
    return ROOT / "build" / "environment.tar.gz"


def applied(stack: Stack, models: Path, folder: Path, namespace: str) -> tuple[Connection, Project]:
    where = Connection(stack.brokers, Topics("weir", namespace))
    project = Project(folder, models)
    apply([project.write("packed", SPEC)], where, project.site())
    return where, project


def assert_answers(where: Connection, models: Path) -> None:
    rows = np.nan_to_num(np.load(models / "holdout.npy")[:5])
    with PipelineClient(where, "packed") as client:
        answer = client.ask(request_body(rows, "packed"), seconds=120)
    assert not answer.failed, answer.value
    assert answer.outputs()["predict"]["shape"] == [5, 1]


def test_only_what_runs_is_installed(archive: Path) -> None:
    names = ("alibi_detect", "tensorflow", "numba", "matplotlib", "pytest", "mypy")
    code = f"import importlib.util as u; print([n for n in {names} if u.find_spec(n)])"
    assert run(str(ENVIRONMENT / "bin" / "python"), "-c", code).strip() == "[]"


@contextmanager
def application(folder: Path, stack: Stack, *settings: str) -> Iterator[Rest]:
    """Start JobManager and TaskManager by the image's entry point, in a Flink home that install.sh made."""
    home, ports = folder / "flink", free_ports()
    path = f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ['PATH']}"
    run("bash", "docker/install.sh", str(home), cwd=ROOT, PATH=path)
    (folder / "tmp").mkdir()
    options = {
        "jobmanager.rpc.address": HOST,
        "jobmanager.bind-host": HOST,
        "jobmanager.rpc.port": ports.rpc,
        "rest.address": HOST,
        "rest.bind-address": HOST,
        "rest.port": ports.web,
        "rest.bind-port": ports.web,
        "taskmanager.host": HOST,
        "taskmanager.bind-host": HOST,
        "metrics.reporter.prom.port": f"{ports.metrics}-{ports.metrics + 20}",
        "execution.checkpointing.dir": (folder / "checkpoints").as_uri(),
        "io.tmp.dirs": str(folder / "tmp"),
    }
    variables = {
        "PATH": f"{home / 'bin'}{os.pathsep}{path}",
        "FLINK_HOME": str(home),
        "FLINK_CONF_DIR": str(home / "conf"),
        "FLINK_LIB_DIR": str(home / "lib"),
        "FLINK_LOG_DIR": str(home / "log"),
        "FLINK_PLUGINS_DIR": str(home / "plugins"),
        "FLINK_OPTIONS": " ".join(f"-D {key}={value}" for key, value in options.items()),
    }
    entrypoint, identity = str(ROOT / "docker" / "entrypoint.sh"), f"application-{os.getpid()}"
    try:
        for command in (["jobmanager", *settings], ["taskmanager"]):
            log = folder / f"{command[0]}.log"
            processes.spawn(["bash", entrypoint, *command], identity, log, variables)
        yield Rest(f"http://{HOST}:{ports.web}")
    finally:
        processes.stop(processes.stack_processes(identity))


def test_the_image_runs_the_job_in_application_mode(
    stack: Stack, models: Path, tmp_path: Path, archive: Path
) -> None:
    where, project = applied(stack, models, tmp_path, "application")
    settings = submit.connection_arguments(where.brokers, project.site())
    with application(tmp_path, stack, *settings, "--namespace", "application") as rest:
        await_true(lambda: any(job.is_running for job in rest.jobs("weir.application")), "the job running")
        assert_answers(where, models)


def test_a_foreign_cluster_runs_the_job_in_the_packed_environment(
    stack: Stack, models: Path, tmp_path: Path, archive: Path
) -> None:
    """Its own Python has PyFlink, and nothing else of ours."""
    bare = environment("bare", [], ["apache-flink", "setuptools"], ROOT / "constraints.txt")
    assert "No module named" in _missing(bare, "treelite")
    where, project = applied(stack, models, tmp_path, "foreign")
    foreign = f"foreign-{os.getpid()}"
    cluster = Cluster(tmp_path / "flink", free_ports(), foreign)
    cluster.prepare()
    config = tmp_path / "flink" / "conf" / "config.yaml"
    settings = yaml.safe_load(config.read_text("utf-8")) | {"python.executable": str(bare / "bin" / "python")}
    config.write_text(yaml.safe_dump(settings, width=10_000), "utf-8")
    try:
        cluster.start_jobmanager()
        cluster.keep_taskmanager()
        await_true(lambda: cluster.rest.free_slots() > 1, "the cluster has slots")
        flink = Flink(cluster.rest, cluster.environment())
        arguments = [*submit.connection_arguments(where.brokers, project.site()), "--namespace", "foreign"]
        job = submit.submit(flink, submit.flink_run(arguments, environment=str(archive)))
        submit.await_running(cluster.rest, job)
        assert_answers(where, models)
        workers = [
            one for one in processes.stack_processes(foreign) if "beam_boot" in " ".join(one.cmdline())
        ]
        assert workers
        assert all("environment/bin/python" in one.cmdline()[0] for one in workers)
    finally:
        processes.stop(processes.stack_processes(foreign))


def _missing(python: Path, module: str) -> str:
    command = [python / "bin" / "python", "-c", f"import {module}"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_the_archive_belongs_to_this_python(archive: Path) -> None:
    config = (ENVIRONMENT / "pyvenv.cfg").read_text("utf-8")
    assert f"version = {sys.version_info.major}.{sys.version_info.minor}" in config
