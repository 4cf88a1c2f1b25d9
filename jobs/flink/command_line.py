"""Flink's command line: run, stop with a savepoint, run from one."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from jobs.flink.paths import flink_home
from jobs.flink.rest_api import Rest
from operators.core.errors import DeploymentError

_SHOWN = ("FLINK_CONF_DIR", "FLINK_LIB_DIR", "FLINK_LOG_DIR")
_CONFIGURATION = ("config.yaml", "flink-conf.yaml")


class Flink(NamedTuple):
    """A cluster: its REST API, and what Flink's scripts need in their environment to find it."""

    rest: Rest
    environment: Mapping[str, str]

    def printable(self, command: Sequence[str]) -> str:
        """Return a command as it can be pasted into a shell."""
        settings = [
            f"{name}={shlex.quote(self.environment[name])}" for name in _SHOWN if name in self.environment
        ]
        return " ".join((*settings, *map(shlex.quote, command)))

    def call(self, command: Sequence[str], expected: str) -> str:
        """Run a command and return the group that the expression finds in its output.

        Raises DeploymentError with the output where it failed or said something else.
        """
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        found = re.search(expected, done.stdout)
        if done.returncode or not found:
            words = " ".join(command[1:2])
            raise DeploymentError(f"flink {words} failed:\n{_without_frames(done.stdout + done.stderr)}")
        return found[1]


def _without_frames(output: str) -> str:
    """Leave out where in Java's code something happened; what happened stays."""
    lines = output.splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(("at ", "... ")))


def of_environment() -> Flink | None:
    """Return the cluster that FLINK_CONF_DIR configures, None where it is not set."""
    folder = os.environ.get("FLINK_CONF_DIR")
    if not folder:
        return None
    found = [Path(folder) / name for name in _CONFIGURATION if (Path(folder) / name).is_file()]
    if not found:
        raise DeploymentError(f"FLINK_CONF_DIR is {folder}, but it holds no {' or '.join(_CONFIGURATION)}")
    address, port = _rest(yaml.safe_load(found[0].read_text("utf-8")) or {})
    return Flink(Rest(f"http://{address}:{port}"), {"FLINK_CONF_DIR": folder})


def _rest(configuration: dict[str, object]) -> tuple[object, object]:
    """Find address and port, which Flink lets be written with dots or nested."""
    nested = configuration.get("rest")
    rest = nested if isinstance(nested, dict) else {}
    address = configuration.get("rest.address") or rest.get("address") or "localhost"
    return address, configuration.get("rest.port") or rest.get("port") or 8081


def flink(verb: str, *arguments: str) -> list[str]:
    """Return a command of the distribution inside the PyPI package."""
    return [str(flink_home() / "bin" / "flink"), verb, *arguments]
