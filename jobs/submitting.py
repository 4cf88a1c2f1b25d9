"""`weir submit`: thin over `flink run`, which it prints."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Sequence

from jobs.bundle import write_bundle
from jobs.settings import parse_settings
from jobs.stack.layout import flink_home
from jobs.stack.stack import Stack
from operators.errors import DeploymentError


def flink_run(stack: Stack, arguments: Sequence[str], savepoint: str = "") -> list[str]:
    """Return the command that submits the job to the stack's cluster."""
    parse_settings(arguments, {})
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
        "--bootstrap-servers",
        stack.bootstrap_servers,
        *arguments,
    ]


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
