"""MLServer with its runtimes for scikit-learn, XGBoost and LightGBM, in an environment of its own.

Nothing of it is imported here.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple

import msgspec

from tests.boosters.matrix import LIGHTGBM, XGBOOST
from tests.support.environments import environment

HOST = "127.0.0.1"
PATIENCE = 120.0
RUNTIMES = ("mlserver==1.7.1", "mlserver-sklearn==1.7.1", "mlserver-lightgbm==1.7.1")
MLSERVER = (*RUNTIMES, f"xgboost-cpu=={XGBOOST}", f"lightgbm=={LIGHTGBM}")
# It asks for the build of XGBoost that brings CUDA.
BARE = ("mlserver-xgboost==1.7.1",)
# What computes is the same on both sides, whatever is installed here.
SHARED = ("scikit-learn", "numpy", "pandas", "scipy", "joblib")


class Reply(NamedTuple):
    """What MLServer sent back: JSON where it was, else text."""

    status: int
    body: Any


class MLServer(NamedTuple):
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def infer(self, model: str, request: bytes) -> Reply:
        return self._ask("POST", f"/v2/models/{model}/infer", request)

    def wait_for(self, path: str) -> None:
        """Return when a path answers 200; fail with the end of the log if the server ends or takes long."""
        deadline = monotonic() + PATIENCE
        while not self._ready(path):
            log = self.log.read_text("utf-8")[-4_000:]
            assert self.process.poll() is None, f"MLServer ended before {path} was ready:\n{log}"
            assert monotonic() < deadline, f"{path} is not ready after {PATIENCE:g} s:\n{log}"
            sleep(0.1)

    def _ready(self, path: str) -> bool:
        try:
            return self._ask("GET", path).status == 200
        except ConnectionError:
            return False

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Reply:
        with closing(HTTPConnection(HOST, self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            value = response.read()
            is_json = "json" in (response.getheader("Content-Type") or "")
            return Reply(response.status, msgspec.json.decode(value) if value and is_json else value.decode())


def mlserver_environment() -> Path:
    """Return the environment of MLServer, which has the libraries that it serves models of."""
    return environment("mlserver", MLSERVER, SHARED, bare=BARE)


@contextmanager
def serving(folder: Path) -> Iterator[MLServer]:
    """Serve every model folder below a folder, which gets the server's settings and log."""
    mlserver = mlserver_environment() / "bin" / "mlserver"
    port = _free_port()
    settings = {"host": HOST, "http_port": port, "grpc_port": 0, "metrics_endpoint": None}
    (folder / "settings.json").write_bytes(
        msgspec.json.encode({**settings, "parallel_workers": 0, "debug": False})
    )
    log = folder / "mlserver.log"
    with log.open("wb") as stream:
        command = [str(mlserver), "start", str(folder)]
        process = subprocess.Popen(command, cwd=folder, stdout=stream, stderr=subprocess.STDOUT)
    try:
        server = MLServer(process, port, log)
        server.wait_for("/v2/health/ready")
        for settings_file in sorted(folder.glob("*/model-settings.json")):
            server.wait_for(f"/v2/models/{settings_file.parent.name}/ready")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as held:
        held.bind((HOST, 0))
        return int(held.getsockname()[1])
