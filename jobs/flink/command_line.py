"""Flink's command line: submit a job, stop it with a savepoint, submit it from a savepoint."""

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

_SHOWN_VARIABLES = ("FLINK_CONF_DIR", "FLINK_LIB_DIR", "FLINK_LOG_DIR")
_CONFIGURATION_FILES = ("config.yaml", "flink-conf.yaml")


class Flink(NamedTuple):
    """A cluster: its REST API, and the environment variables with which Flink's scripts find it."""

    rest: Rest
    environment: Mapping[str, str]

    def printable(self, command: Sequence[str]) -> str:
        """Return a command, with its environment variables, to be pasted into a shell."""
        settings = [
            f"{name}={shlex.quote(self.environment[name])}"
            for name in _SHOWN_VARIABLES
            if name in self.environment
        ]
        return " ".join((*settings, *map(shlex.quote, command)))

    def call(self, command: Sequence[str], expected: str) -> str:
        """Run a command and return the first group of the regular expression `expected` in its output.

        DeploymentError with the output where the command fails or the output does not match.
        """
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        match = re.search(expected, done.stdout)
        if done.returncode or not match:
            verb = " ".join(command[1:2])
            raise DeploymentError(f"flink {verb} failed:\n{_without_frames(done.stdout + done.stderr)}")
        return match[1]


def _without_frames(output: str) -> str:
    """Return the output without the frames of Java stack traces; the exceptions stay."""
    lines = output.splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(("at ", "... ")))


def flink_from_environment() -> Flink | None:
    """Return the cluster that FLINK_CONF_DIR configures, None where the variable is not set.

    DeploymentError where the folder contains no configuration file.
    """
    folder = os.environ.get("FLINK_CONF_DIR")
    if not folder:
        return None
    files = [Path(folder) / name for name in _CONFIGURATION_FILES if (Path(folder) / name).is_file()]
    if not files:
        names = " or ".join(_CONFIGURATION_FILES)
        raise DeploymentError(f"FLINK_CONF_DIR is {folder}, but it contains no {names}")
    address, port = _rest_endpoint(yaml.safe_load(files[0].read_text("utf-8")) or {})
    return Flink(Rest(f"http://{address}:{port}"), {"FLINK_CONF_DIR": folder})


def _rest_endpoint(configuration: dict[str, object]) -> tuple[object, object]:
    """Return address and port of the REST API; Flink accepts dotted keys and nested keys."""
    nested = configuration.get("rest")
    rest = nested if isinstance(nested, dict) else {}
    address = configuration.get("rest.address") or rest.get("address") or "localhost"
    return address, configuration.get("rest.port") or rest.get("port") or 8081


def flink(verb: str, *arguments: str) -> list[str]:
    """Return a command of the Flink distribution inside the PyPI package."""
    return [str(flink_home() / "bin" / "flink"), verb, *arguments]
