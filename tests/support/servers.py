"""Servers that are not ours, as Debian packages them, on loopback and free ports."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import yaml

from jobs.local_stack.ports import HOST
from jobs.local_stack.stack import Stack

# A TaskManager that another follows leaves its port behind, so more than one may be in use.
_REPORTERS = 8


def free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


def require(command: str, package: str = "") -> str:
    found = shutil.which(command)
    if not found:
        pytest.skip(f"there is no {command} (Debian: apt install {package or command})")
    return found


@contextmanager
def serving(command: Sequence[str], url: str, log: Path) -> Iterator[None]:
    """Run a server until its URL answers, and to the end of the block."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            answering(url)
            yield
        finally:
            process.terminate()
            process.wait(timeout=20)


class Prometheus:
    """A real Prometheus that scrapes a stack's JobManager and TaskManagers every second."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return labels and value of each series now."""
        found = get_json(f"{self.url}/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        assert found["status"] == "success", found
        return [(one["metric"], float(one["value"][1])) for one in found["data"]["result"]]

    def value(self, expression: str) -> float | None:
        """Return the value of the only series, None if there is none."""
        series = self.query(expression)
        assert len(series) < 2, f"{expression}: {series}"
        return series[0][1] if series else None

    def names(self) -> set[str]:
        """Return the name of every series that was ever scraped."""
        return set(get_json(f"{self.url}/api/v1/label/__name__/values")["data"])


@contextmanager
def prometheus(stack: Stack, folder: Path, rules: Sequence[Path] = ()) -> Iterator[Prometheus]:
    command = require("prometheus")
    first, port = stack.ports.metrics, free_port()
    targets = [f"{HOST}:{number}" for number in range(first, first + _REPORTERS)]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [{"job_name": "flink", "static_configs": [{"targets": targets}]}],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    url = f"http://{HOST}:{port}"
    arguments = [
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={HOST}:{port}",
    ]
    with serving([command, *arguments], f"{url}/-/ready", folder / "prometheus.log"):
        yield Prometheus(url)


def answering(url: str, seconds: float = 60) -> None:
    """Wait until a URL answers."""
    deadline = monotonic() + seconds
    while not _answers(url):
        assert monotonic() < deadline, f"{url} does not answer"
        sleep(0.1)


def get_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


class Alertmanager:
    """A real Alertmanager that notifies nobody."""

    def __init__(self, url: str) -> None:
        self.url = url

    def active(self) -> dict[str, dict[str, Any]]:
        """Return what fires, by the name of the alert."""
        found = get_json(f"{self.url}/api/v2/alerts?active=true&silenced=false")
        return {one["labels"]["alertname"]: one for one in found}


@contextmanager
def alertmanager(folder: Path) -> Iterator[Alertmanager]:
    command, port = require("prometheus-alertmanager"), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "alertmanager.yaml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    url = f"http://{HOST}:{port}"
    arguments = [
        f"--config.file={folder / 'alertmanager.yaml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={HOST}:{port}",
        "--cluster.listen-address=",
    ]
    with serving([command, *arguments], f"{url}/-/ready", folder / "alertmanager.log"):
        yield Alertmanager(url)


@contextmanager
def weir(*arguments: str, log: Path) -> Iterator[None]:
    """Run a command of ours that serves until it is asked to end, and ends well then."""
    command = [str(Path(sys.executable).parent / "weir"), *arguments]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(timeout=60) == 0, log.read_text()
