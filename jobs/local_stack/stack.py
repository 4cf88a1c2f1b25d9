"""The whole local stack: up, down, found again by the next command."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import msgspec
from psutil import Process

from jobs.flink.command_line import Flink
from jobs.flink.paths import jars, java
from jobs.local_stack import processes
from jobs.local_stack.flink_cluster import Cluster
from jobs.local_stack.kafka_broker import broker_answers, start_broker
from jobs.local_stack.ports import HOST, Ports, check_free
from operators.core.errors import DeploymentError

Say = Callable[[str], None]


class _Saved(msgspec.Struct):
    id: str
    ports: Ports
    taskmanagers: list[int] = []


class Stack:
    """A broker and a cluster whose files lie below one folder."""

    def __init__(self, folder: Path, saved: _Saved) -> None:
        self.folder = folder
        self.ports = saved.ports
        self._saved = saved
        self.cluster = Cluster(folder / "flink", saved.ports, saved.id)

    @property
    def bootstrap_servers(self) -> str:
        """Where the broker listens."""
        return f"{HOST}:{self.ports.kafka}"

    @property
    def web_ui(self) -> str:
        """Where Flink's web UI and REST API are."""
        return f"http://localhost:{self.ports.web}"

    @property
    def flink(self) -> Flink:
        """The cluster, for Flink's command line."""
        return Flink(self.cluster.rest, self.cluster.environment())

    @property
    def taskmanagers(self) -> list[int]:
        """Process ids of the TaskManagers that were started and still run."""
        return [pid for pid in self._saved.taskmanagers if processes.runs(pid, self._saved.id)]

    def processes(self) -> list[Process]:
        """Every process of the stack that runs, workers included."""
        return processes.of_stack(self._saved.id)

    def running(self) -> bool:
        """Tell whether broker and web UI answer."""
        return broker_answers(self.ports) and self.cluster.rest.answers()

    def start_taskmanager(self) -> int:
        """Start one more TaskManager, for example after one was killed; returns its process id."""
        pid = self.cluster.start_taskmanager()
        self._saved.taskmanagers.append(pid)
        self._save()
        return pid

    def replace_taskmanager(self) -> bool:
        """Start a TaskManager where none is left; returns whether that was so, once it offers its slots."""
        if self._has_slots():
            return False
        self.start_taskmanager()
        log = self.cluster.folder / "log"
        self._await("Flink's TaskManager", self._has_slots, log, say=lambda line: None)
        return True

    def down(self) -> int:
        """Stop every process of the stack, orphans included; returns how many there were."""
        found = self.processes()
        processes.stop(found)
        left = processes.of_stack(self._saved.id)
        processes.stop(left, seconds=5.0)
        return len(found)

    def _save(self) -> None:
        (self.folder / "stack.json").write_bytes(msgspec.json.encode(self._saved))

    def _start(self, say: Say, *, json_logs: bool) -> None:
        say("starting Kafka")
        start_broker(self.folder / "kafka", self.ports, self._saved.id)
        say("starting Flink")
        self.cluster.prepare(json_logs=json_logs)
        self.cluster.start_jobmanager()
        self.start_taskmanager()
        self._await("Kafka", lambda: broker_answers(self.ports), self.folder / "kafka" / "broker.log", say)
        log = self.cluster.folder / "log"
        self._await("Flink's JobManager", self.cluster.rest.answers, log, say)
        self._await("Flink's TaskManager", self._has_slots, log, say)

    def _has_slots(self) -> bool:
        overview = self.cluster.rest.get("/overview")
        return bool(overview and overview["slots-total"])

    def _await(self, what: str, ready: Callable[[], bool], log: Path, say: Say, seconds: float = 90) -> None:
        deadline = monotonic() + seconds
        while not ready():
            if monotonic() > deadline:
                raise DeploymentError(f"{what} did not answer within {seconds:g} s: see {log}")
            sleep(0.2)
        say(f"{what} answers")


def find(folder: Path) -> Stack | None:
    """Return the stack of a folder if its processes run."""
    saved = _read(folder / "stack.json")
    return Stack(folder, saved) if saved and processes.of_stack(saved.id) else None


def up(folder: Path, ports: Ports, say: Say = print, *, json_logs: bool = False) -> Stack:
    """Start a stack with no topics and no jobs; what an earlier one left in the folder is removed.

    Raises DeploymentError when one is up already, a port is taken, or Java or the jars are missing.
    """
    if find(folder):
        raise DeploymentError(f"a stack is up already in {folder}: `weir down` stops it")
    java(), jars("kafka"), jars("flink")
    check_free(ports)
    for part in ("kafka", "flink"):
        shutil.rmtree(folder / part, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    stack = Stack(folder, _Saved(uuid.uuid4().hex, ports))
    stack._save()
    try:
        stack._start(say, json_logs=json_logs)
    except BaseException:
        stack.down()
        raise
    return stack


def _read(path: Path) -> _Saved | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Saved)
    except (OSError, msgspec.MsgspecError):
        return None
