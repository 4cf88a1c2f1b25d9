"""The routes of Open Inference Protocol V2, with Seldon's header for the pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from kafka.errors import KafkaError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jobs.kafka.pipeline_client import Answer
from jobs.services.gateway.bodies import MOST_BYTES, BadBodyError, encoded, read_request
from jobs.services.gateway.content_codings import CODINGS, LongBodyError, UnsupportedCodingError
from jobs.services.gateway.correlator import BusyError, Correlator
from jobs.services.gateway.http_errors import status_of
from jobs.status.conditions import conditions
from jobs.status.follower import StatusFollower
from operators.control.release import Release
from operators.core.errors import Reason
from operators.kafka.connection import Connection

# The header that names what is asked, as Seldon's mesh reads it: it wins over the name in the path.
SELDON_MODEL = "seldon-model"
_JSON = "application/json"
_OURS = ("pipeline", "seldon-infer-type", SELDON_MODEL)


class Gateway:
    """Answers HTTP requests with a pipeline's responses; `seconds` is how long one may take."""

    def __init__(self, connection: Connection, seconds: float, most: int) -> None:
        self._connection = connection
        self._seconds = seconds
        self._watching = StatusFollower(connection)
        self._correlator = Correlator(connection, self._live, most)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        infer, about, ready = self.infer, self.about, self.model_ready
        routes = [
            Route("/v2", self.server),
            Route("/v2/health/live", self.live),
            Route("/v2/health/ready", self.ready),
        ]
        for kind in ("models", "pipelines"):
            for path in (f"/v2/{kind}/{{name}}", f"/v2/{kind}/{{name}}/versions/{{version}}"):
                routes += [
                    Route(path, about),
                    Route(f"{path}/ready", ready),
                    Route(f"{path}/infer", infer, methods=["POST"]),
                ]
        return Starlette(routes=routes, lifespan=self._lifespan)

    async def server(self, request: Request) -> Response:
        """Tell what this is."""
        return _json({"name": "weir", "version": "0.1.0", "extensions": ["binary_tensor_data"]})

    async def live(self, request: Request) -> Response:
        """Tell that the process runs."""
        return _json({"live": True})

    async def ready(self, request: Request) -> Response:
        """Tell whether every live pipeline is ready, and there is one."""
        ready, live = self._ready(), self._live()
        ready = {name: fine for name, fine in ready.items() if name in live}
        fine = bool(ready) and all(ready.values())
        return _json({"ready": fine}, 200 if fine else 503)

    async def about(self, request: Request) -> Response:
        """Tell a pipeline's metadata: V2 wants inputs and outputs, which a pipeline does not declare."""
        release = self._find(request)
        if isinstance(release, Response):
            return release
        versions = [str(release.generation)]
        about = {"name": release.name, "versions": versions, "platform": "weir", "inputs": [], "outputs": []}
        return _json(about)

    async def model_ready(self, request: Request) -> Response:
        """Tell whether every worker serves the pipeline's latest generation."""
        release = self._find(request)
        if isinstance(release, Response):
            return release
        fine = self._ready().get(release.name, False)
        return _json({"name": release.name, "ready": fine}, 200 if fine else 503)

    async def infer(self, request: Request) -> Response:
        """Ask a pipeline and wait for its answer."""
        release = self._find(request)
        if isinstance(release, Response):
            return release
        try:
            body = await read_request(request)
        except UnsupportedCodingError as error:
            return _error(415, str(error), {"accept-encoding": ", ".join(CODINGS)})
        except LongBodyError:
            return _error(413, f"{Reason.RECORD_TOO_LONG}: a request may have {MOST_BYTES:,} bytes at most")
        except BadBodyError as error:
            return _error(400, f"{Reason.BAD_REQUEST}: {error}")
        return await encoded(await self._ask(release.name, body, _passed_on(request)), request)

    async def _ask(self, pipeline: str, body: bytes, headers: list[tuple[str, bytes]]) -> Response:
        try:
            answer = await self._correlator.ask(pipeline, body, headers, self._seconds)
        except BusyError:
            return _error(503, "as many requests wait as may: try again", {"retry-after": "1"})
        except TimeoutError:
            return _error(504, f"no answer within {self._seconds:g} s: see weir status {pipeline}")
        except KafkaError as error:
            return _error(503, f"Kafka does not take the request: {error}", {"retry-after": "1"})
        if answer.failed:
            return _error(*status_of(answer), _given_back(answer))
        return Response(answer.value, media_type=_JSON, headers=_given_back(answer))

    def _find(self, request: Request) -> Release | Response:
        name = request.headers.get(SELDON_MODEL, "").removesuffix(".pipeline") or request.path_params["name"]
        live = self._live()
        if name not in live:
            there = ", ".join(sorted(live)) or "none"
            return _error(404, f"there is no pipeline {name}; there are {there}")
        version = request.path_params.get("version", str(live[name].generation))
        if version != str(live[name].generation):
            return _error(404, f"version {version} of {name} does not serve, {live[name].generation} does")
        return live[name]

    def _live(self) -> dict[str, Release]:
        control = self._watching.observed().control
        return {release.name: release for release in control.live()} if control else {}

    def _ready(self) -> dict[str, bool]:
        found = conditions(self._watching.observed(), self._connection.topics)
        return {one.of: one.status == "True" for one in found if one.type == "PipelineReady"}

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        await asyncio.to_thread(self._watching.start)
        self._correlator.start(asyncio.get_running_loop())
        try:
            yield
        finally:
            await asyncio.to_thread(self._correlator.close)
            await asyncio.to_thread(self._watching.close)


def _passed_on(request: Request) -> list[tuple[str, bytes]]:
    """Return the headers that go with a request: the client's own (`x-…`) and those that trace it."""
    return [
        (name, value.encode("latin-1"))
        for name, value in request.headers.items()
        if name.startswith("x-") or name in ("traceparent", "tracestate", "baggage")
    ]


def _given_back(answer: Answer) -> dict[str, str]:
    """Return the headers of an answer that HTTP can hold."""
    told = {name: (value or b"").decode("latin-1") for name, value in answer.headers.items()}
    return {name: value for name, value in told.items() if name not in _OURS and value.isprintable()}


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type=_JSON)


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode({"error": message}), status, headers, _JSON)
