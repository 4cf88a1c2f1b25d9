"""MLServer with the example's models: throughput when saturated, and latency at a rate."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import cycle
from pathlib import Path
from time import monotonic

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import HAND
from tests.parity.mlserver import HOST, serving

# MLServer gathers at most so many requests into a batch, and waits at most so many seconds for them.
_BATCHING = {"max_batch_size": 500, "max_batch_time": 0.005}
_CONNECTIONS = 500
_WARM_SECONDS = 3.0
# One model that computes everything, or the three models of `weir train`, each called over HTTP.
ONE_MODEL = ("all",)
THREE_MODELS = ("income-preprocess", "income-classifier", "outlier")


@contextmanager
def running(models: Path) -> Iterator[int]:
    """Serve the models of `weir train`; yield the port."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("income-preprocess", "income-classifier"):
            shutil.copytree(models / name, Path(folder) / name)
            settings = json.loads((models / name / "model-settings.json").read_text("utf-8"))
            _write_settings(Path(folder) / name, settings)
        for name, implementation in (("all", "AllModel"), ("outlier", "OutlierModel")):
            (Path(folder) / name).mkdir()
            shutil.copy(HAND, Path(folder) / name)
            shutil.copy(Path(__file__).with_name("mlserver_models.py"), Path(folder) / name)
            implementation = f"mlserver_models.{implementation}"
            parameters = {"uri": str(models)}
            settings = {"name": name, "implementation": implementation, "parameters": parameters}
            _write_settings(Path(folder) / name, settings)
        with serving(Path(folder)) as server:
            yield server.port


def _write_settings(folder: Path, settings: dict[str, object]) -> None:
    (folder / "model-settings.json").write_text(json.dumps({**settings, **_BATCHING}), "utf-8")


def throughput(port: int, bodies: Sequence[bytes], models: Sequence[str], seconds: float) -> float:
    """Return the events a second while each connection sends as fast as it is answered."""
    return asyncio.run(_saturate(_Client(port, bodies, models), seconds))


def latencies(port: int, bodies: Sequence[bytes], rate: float, seconds: float) -> NDArray[np.float64]:
    """Return the milliseconds from the moment when each request was due to the response of one model."""
    return np.array(asyncio.run(_pace(_Client(port, bodies, ONE_MODEL), rate, seconds)))


class _Client:
    """Sends one of the bodies after the other through a chain of models.

    The second model and all after it receive the outputs of the first.
    """

    def __init__(self, port: int, bodies: Sequence[bytes], models: Sequence[str]) -> None:
        self._port = port
        self._bodies = cycle(bodies)
        self._first, *self._others = models

    async def connect(self) -> _Connection:
        return await asyncio.open_connection(HOST, self._port)

    async def ask(self, connection: _Connection) -> None:
        """Send a request to each model, and read the responses to the end."""
        response = await _post(connection, self._first, next(self._bodies))
        if self._others:
            body = msgspec.json.encode({"inputs": msgspec.json.decode(response, type=_Outputs).outputs})
            for model in self._others:
                await _post(connection, model, body)


class _Outputs(msgspec.Struct):
    outputs: msgspec.Raw


_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _post(connection: _Connection, model: str, body: bytes) -> bytes:
    reader, writer = connection
    head = f"POST /v2/models/{model}/infer HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    status, *headers = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in headers if line.startswith(b"content-length"))
    response = await reader.readexactly(length)
    if b" 200 " not in status:
        raise ConnectionError(f"MLServer answered {status!r}: {response[:500]!r}")
    return response


async def _saturate(client: _Client, seconds: float) -> float:
    started = monotonic() + _WARM_SECONDS
    counts = [0] * _CONNECTIONS

    async def ask_again(number: int) -> None:
        connection = await client.connect()
        with closing(connection[1]):
            while monotonic() < started + seconds:
                await client.ask(connection)
                counts[number] += monotonic() >= started

    await asyncio.gather(*map(ask_again, range(_CONNECTIONS)))
    return sum(counts) / seconds


async def _pace(client: _Client, rate: float, seconds: float) -> list[float]:
    """Send requests when they are due, over free connections."""
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    for _ in range(_CONNECTIONS):
        free.put_nowait(await client.connect())
    started, warm = monotonic(), int(rate * _WARM_SECONDS)
    delays: list[float] = []

    async def ask(due: float) -> None:
        connection = await free.get()
        await client.ask(connection)
        free.put_nowait(connection)
        delays.append(1_000 * (monotonic() - due))

    asking: list[asyncio.Task[None]] = []
    for i in range(warm + int(rate * seconds)):
        due = started + i / rate
        await asyncio.sleep(max(0.0, due - monotonic()))
        asking.append(asyncio.create_task(ask(due)))
    await asyncio.gather(*asking)
    while not free.empty():
        free.get_nowait()[1].close()
    return delays[warm:]
