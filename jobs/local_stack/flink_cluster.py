"""A Flink cluster of a JobManager and TaskManagers, from the distribution inside the PyPI package."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import yaml

from jobs.flink.paths import ROOT, flink_home, jars
from jobs.flink.rest_api import Rest
from jobs.local_stack import processes
from jobs.local_stack.ports import HOST, Ports

JSON_LOGS = ROOT / "flink-conf" / "log4j-json.properties"
TEMPLATE = ROOT / "flink-conf" / "config.yaml"
# Python workers run in parallel; more threads in each would only compete for the cores.
_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}


class Cluster:
    """Configures a cluster below one folder and starts its processes.

    `stack` is the id by which the processes are found.
    """

    def __init__(self, folder: Path, ports: Ports, stack: str) -> None:
        self.folder = folder
        self._ports = ports
        self._stack = stack
        self.rest = Rest(f"http://{HOST}:{ports.web}")

    def prepare(self, *, json_logs: bool = False) -> None:
        """Write the configuration and link the jars; with `json_logs` Flink logs JSON."""
        for name in ("conf", "lib", "log", "checkpoints", "savepoints"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._configure()
        if json_logs:
            shutil.copy(JSON_LOGS, self.folder / "conf" / "log4j-console.properties")
        self._link()

    def start_jobmanager(self) -> int:
        """Start the JobManager and return its process id."""
        return self._start("jobmanager", "exec bash {script} start-foreground")

    def keep_taskmanager(self) -> int:
        """Start a TaskManager, and another one whenever it ends; return the id of the shell that does it."""
        return self._start("taskmanager", "while :; do bash {script} start-foreground; sleep 1; done")

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which Flink's scripts find this cluster."""
        return {
            "FLINK_HOME": str(flink_home()),
            "FLINK_CONF_DIR": str(self.folder / "conf"),
            "FLINK_LIB_DIR": str(self.folder / "lib"),
            "FLINK_LOG_DIR": str(self.folder / "log"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }

    def _start(self, role: str, command: str) -> int:
        command = command.format(script=shlex.quote(str(flink_home() / "bin" / f"{role}.sh")))
        log = self.folder / "log" / f"{role}.out"
        environment = {**self.environment(), **_ONE_THREAD}
        return processes.spawn(["bash", "-c", command], self._stack, log, environment)

    def _configure(self) -> None:
        config = yaml.safe_load(TEMPLATE.read_text("utf-8"))
        config.update(
            {
                "jobmanager.rpc.address": HOST,
                "jobmanager.bind-host": HOST,
                "jobmanager.rpc.port": self._ports.rpc,
                "taskmanager.host": HOST,
                "taskmanager.bind-host": HOST,
                "rest.address": HOST,
                "rest.bind-address": HOST,
                "rest.port": self._ports.web,
                # By default any page in a browser on this machine may call the REST interface.
                "web.access-control-allow-origin": f"http://{HOST}:{self._ports.web}",
                "rest.bind-port": str(self._ports.web),
                "metrics.reporter.prom.port": f"{self._ports.metrics}-{self._ports.metrics + 20}",
                "python.executable": sys.executable,
                "python.client.executable": sys.executable,
                "execution.checkpointing.dir": (self.folder / "checkpoints").as_uri(),
                "execution.checkpointing.savepoint-dir": (self.folder / "savepoints").as_uri(),
                "io.tmp.dirs": str(self._temporary()),
            }
        )
        (self.folder / "conf" / "config.yaml").write_text(yaml.safe_dump(config, width=10_000), "utf-8")
        for file in (flink_home() / "conf").glob("log4j*"):
            shutil.copy(file, self.folder / "conf" / file.name)

    def _temporary(self) -> Path:
        folder = self.folder / "tmp"
        folder.mkdir(exist_ok=True)
        return folder

    def _link(self) -> None:
        home = flink_home()
        sources = [*(home / "lib").glob("*.jar"), *(home / "opt").glob("flink-python-*.jar"), *jars("flink")]
        for jar in (self.folder / "lib").glob("*.jar"):
            jar.unlink()
        for jar in sources:
            (self.folder / "lib" / jar.name).symlink_to(jar)
