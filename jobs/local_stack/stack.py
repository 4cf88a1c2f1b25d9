"""The whole local stack: how it starts, stops, and is found again by the next command."""

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
from jobs.local_stack.kafka_broker import brokers_answer, local_brokers, start_brokers
from jobs.local_stack.ports import Ports, check_free
from operators.core.errors import DeploymentError
from operators.kafka.brokers import Brokers

_TASKMANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
OnProgress = Callable[[str], None]


class _Saved(msgspec.Struct):
    id: str
    ports: Ports
    keeper: int = 0


class Stack:
    """Kafka brokers and a Flink cluster whose files are below one folder."""

    def __init__(self, folder: Path, saved: _Saved) -> None:
        self.folder = folder
        self.ports = saved.ports
        self._saved = saved
        self.cluster = Cluster(folder / "flink", saved.ports, saved.id)

    @property
    def brokers(self) -> Brokers:
        """The brokers, which everybody on this machine can use."""
        return local_brokers(self.ports)

    @property
    def web_ui(self) -> str:
        """URL of Flink's web UI and REST API."""
        return f"http://localhost:{self.ports.web}"

    @property
    def flink(self) -> Flink:
        """The cluster, as Flink's command line needs it."""
        return Flink(self.cluster.rest, self.cluster.environment())

    @property
    def taskmanagers(self) -> list[int]:
        """Process ids of the TaskManagers that run."""
        return [one.pid for one in self.processes() if _TASKMANAGER in one.cmdline()]

    def processes(self) -> list[Process]:
        """Return every running process of the stack, including Python workers."""
        return processes.stack_processes(self._saved.id)

    def running(self) -> bool:
        """Return whether the brokers and the JobManager answer."""
        return brokers_answer(self.ports) and self.cluster.rest.is_reachable()

    def await_taskmanager(self, on_progress: OnProgress = lambda line: None) -> None:
        """Wait for the slots of the TaskManager, which is started again when it ends.

        DeploymentError if they do not appear in time.
        """
        self._keep_taskmanager()
        self._await("Flink's TaskManager", self._has_slots, self.cluster.folder / "log", on_progress)

    def down(self) -> int:
        """Stop every process of the stack, including orphans, and return their number."""
        running = self.processes()
        processes.stop(running)
        remaining = processes.stack_processes(self._saved.id)
        processes.stop(remaining, seconds=5.0)
        return len(running)

    def _save(self) -> None:
        (self.folder / "stack.json").write_bytes(msgspec.json.encode(self._saved))

    def _start(self, on_progress: OnProgress, *, json_logs: bool) -> None:
        on_progress("starting Kafka")
        start_brokers(self.folder / "kafka", self.ports, self._saved.id)
        on_progress("starting Flink")
        self.cluster.prepare(json_logs=json_logs)
        self.cluster.start_jobmanager()
        self._keep_taskmanager()
        kafka_log, flink_log = self.folder / "kafka" / "broker.log", self.cluster.folder / "log"
        self._await("Kafka", lambda: brokers_answer(self.ports), kafka_log, on_progress)
        self._await("Flink's JobManager", self.cluster.rest.is_reachable, flink_log, on_progress)
        self.await_taskmanager(on_progress)

    def _keep_taskmanager(self) -> None:
        if not processes.is_running(self._saved.keeper, self._saved.id):
            self._saved.keeper = self.cluster.keep_taskmanager()
            self._save()

    def _has_slots(self) -> bool:
        overview = self.cluster.rest.get("/overview")
        return bool(overview and overview["slots-total"])

    def _await(
        self,
        service: str,
        is_ready: Callable[[], bool],
        log: Path,
        on_progress: OnProgress,
        seconds: float = 90,
    ) -> None:
        deadline = monotonic() + seconds
        while not is_ready():
            if monotonic() > deadline:
                raise DeploymentError(f"{service} did not answer within {seconds:g} s; see {log}")
            sleep(0.2)
        on_progress(f"{service} answers")


def find(folder: Path) -> Stack | None:
    """Return the stack of a folder if any of its processes runs, else None."""
    saved = _read(folder / "stack.json")
    return Stack(folder, saved) if saved and processes.stack_processes(saved.id) else None


def up(folder: Path, ports: Ports, on_progress: OnProgress = print, *, json_logs: bool = False) -> Stack:
    """Start a stack without topics and jobs; remove the files of an earlier stack in the folder first.

    DeploymentError when a stack of the folder already runs, a port is in use, or Java or jars are missing.
    `on_progress` receives a line for each stage.
    """
    if find(folder):
        raise DeploymentError(f"a stack is already running in {folder}; stop it with `weir down`")
    java(), jars("kafka"), jars("flink")
    check_free(ports)
    for part in ("kafka", "flink"):
        shutil.rmtree(folder / part, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    stack = Stack(folder, _Saved(uuid.uuid4().hex, ports))
    stack._save()
    try:
        stack._start(on_progress, json_logs=json_logs)
    except BaseException:
        stack.down()
        raise
    return stack


def _read(path: Path) -> _Saved | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Saved)
    except (OSError, msgspec.MsgspecError):
        return None
