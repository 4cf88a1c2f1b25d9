"""`weir submit`: thin over `flink run`, which it prints."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Sequence

from jobs.bundle import write_bundle
from jobs.releasing.applying import external_pairs
from jobs.settings import parse_settings
from jobs.stack.layout import flink_home
from jobs.stack.stack import Stack
from operators.artifacts.storage import local_path
from operators.artifacts.trust import Site
from operators.control import read_control
from operators.errors import DeploymentError
from operators.releases import Release


def flink_run(stack: Stack, arguments: Sequence[str], site: Site, savepoint: str = "") -> list[str]:
    """Return the command that submits the job to the stack's cluster, for the pipelines that are live now."""
    here = [
        *("--bootstrap-servers", stack.bootstrap_servers),
        *("--trusted-roots", ",".join(_absolute(root) for root in site.trusted_roots)),
        *("--artifact-cache", str(site.cache.resolve())),
    ]
    settings = parse_settings([*here, *arguments], os.environ)
    external = external_pairs(read_control(settings.connection))
    here += ["--external-inputs", external] if external else []
    start = ["-s", savepoint] if savepoint else []
    return [
        str(flink_home() / "bin" / "flink"),
        "run",
        "-d",
        *start,
        "-pym",
        "jobs.production_monitoring",
        "-pyfs",
        str(write_bundle()),
        *here,
        *arguments,
    ]


def _absolute(root: str) -> str:
    path = local_path(root)
    return root if path is None else str(path.resolve())


def printable(stack: Stack, command: Sequence[str]) -> str:
    """Return a command as it can be pasted into a shell."""
    names = ("FLINK_CONF_DIR", "FLINK_LIB_DIR", "FLINK_LOG_DIR")
    environment = stack.cluster.environment()
    settings = [f"{name}={shlex.quote(environment[name])}" for name in names]
    return " ".join((*settings, *map(shlex.quote, command)))


def submit(stack: Stack, command: Sequence[str]) -> str:
    """Run the command; returns the job's id."""
    environment = {**os.environ, **stack.cluster.environment()}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"Job has been submitted with JobID ([0-9a-f]{32})", done.stdout)
    if done.returncode or not found:
        raise DeploymentError(f"flink run failed:\n{done.stdout}{done.stderr}")
    return found[1]


def memory_warning(stack: Stack, releases: Sequence[Release]) -> str:
    """Tell where the models of the live pipelines take more than Flink gives a worker; empty if they fit.

    Every slot has a Python worker of its own, which loads all of them; what it may take is the slot's share
    of the managed memory.
    """
    models = {name: one.memory for release in releases for name, one in release.artifacts.items()}
    wanted = sum(models.values())
    for summary in (stack.cluster.rest("/taskmanagers") or {}).get("taskmanagers", []):
        managed = summary["memoryConfiguration"]["managedMemory"] // max(1, summary["slotsNumber"])
        if wanted > managed:
            return (
                f"the models take {wanted / 1024**2:.0f} MiB in each Python worker, but a slot has "
                f"{managed / 1024**2:.0f} MiB of managed memory: raise taskmanager.memory.managed.size and "
                "taskmanager.memory.process.size in flink-conf/config.yaml, or lower the number of slots"
            )
    return ""
