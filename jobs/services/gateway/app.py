"""The HTTP routes of Open Inference Protocol V2, with Seldon's header for the pipeline's name."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from kafka.errors import KafkaError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from jobs.services.gateway.bodies import MOST_BYTES, BadBodyError, encode_response, read_request
from jobs.services.gateway.content_codings import CODINGS, LongBodyError, UnsupportedCodingError
from jobs.services.gateway.correlator import Correlator
from jobs.services.gateway.forwarded_headers import to_record, to_response
from jobs.services.gateway.held_bytes import BodyMemory, BusyError, HeldBytes
from jobs.services.gateway.http_errors import HANDLERS, error_response, status_of
from jobs.status.conditions import conditions
from jobs.status.follower import StatusFollower
from operators.control.release import Release
from operators.core.errors import Reason
from operators.core.event_log import log_event
from operators.kafka.connection import Connection

# The header that names the pipeline, as in Seldon's service mesh. It overrides the name in the path.
SELDON_MODEL = "seldon-model"
_JSON = "application/json"
# Characters of a name that an error message repeats.
_LONGEST_NAME = 200
# Bytes of all request bodies that are held at the same time.
_MOST_HELD = 256 * 1024 * 1024


class Gateway:
    """Forwards HTTP requests to pipelines and returns their responses.

    A request fails with status 504 after `seconds`. At most `max_in_flight` requests wait for their responses
    at the same time, with at most 256 MiB; further ones fail with status 503.
    """

    def __init__(self, connection: Connection, seconds: float, max_in_flight: int) -> None:
        self._connection = connection
        self._seconds = seconds
        self._memory = BodyMemory(_MOST_HELD)
        self._status = StatusFollower(connection)
        self._correlator = Correlator(connection, self._live, max_in_flight)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        infer, metadata, ready = self.infer, self.metadata, self.model_ready
        routes = [
            Route("/v2", self.server),
            Route("/v2/health/live", self.live),
            Route("/v2/health/ready", self.ready),
        ]
        for kind in ("models", "pipelines"):
            for path in (f"/v2/{kind}/{{name}}", f"/v2/{kind}/{{name}}/versions/{{version}}"):
                routes += [
                    Route(path, metadata),
                    Route(f"{path}/ready", ready),
                    Route(f"{path}/infer", infer, methods=["POST"]),
                ]
        return Starlette(routes=routes, exception_handlers=HANDLERS, lifespan=self._lifespan)

    async def server(self, request: Request) -> Response:
        """Return the server's name, version and extensions."""
        return _json({"name": "weir", "version": "0.1.0", "extensions": ["binary_tensor_data"]})

    async def live(self, request: Request) -> Response:
        """Return that the process is running."""
        return _json({"live": True})

    async def ready(self, request: Request) -> Response:
        """Return whether at least one pipeline is live and every live pipeline is ready."""
        ready, live = self._ready(), self._live()
        ready = {name: is_ready for name, is_ready in ready.items() if name in live}
        is_ready = bool(ready) and all(ready.values())
        return _json({"ready": is_ready}, 200 if is_ready else 503)

    async def metadata(self, request: Request) -> Response:
        """Return a pipeline's metadata; inputs and outputs are empty, since pipelines do not declare them."""
        release = self._find(request)
        if isinstance(release, Response):
            return release
        versions = [str(release.generation)]
        return _json(
            {"name": release.name, "versions": versions, "platform": "weir", "inputs": [], "outputs": []}
        )

    async def model_ready(self, request: Request) -> Response:
        """Return whether every worker serves the pipeline's latest generation."""
        release = self._find(request)
        if isinstance(release, Response):
            return release
        is_ready = self._ready().get(release.name, False)
        return _json({"name": release.name, "ready": is_ready}, 200 if is_ready else 503)

    async def infer(self, request: Request) -> Response:
        """Send a request to a pipeline and return its response."""
        release = self._find(request)
        if isinstance(release, Response):
            return release
        with self._memory.hold() as held:
            return await encode_response(await self._answer(release.name, request, held), request)

    async def _answer(self, pipeline: str, request: Request, held: HeldBytes) -> Response:
        try:
            body = await read_request(request, held)
            answer = await self._correlator.ask(
                pipeline, body, to_record(request.headers.items()), self._seconds
            )
        except ClientDisconnect:
            return error_response(408, "the client disconnected")  # nobody reads it
        except UnsupportedCodingError as error:
            return error_response(415, str(error), {"accept-encoding": ", ".join(CODINGS)})
        except LongBodyError:
            text = f"{Reason.RECORD_TOO_LONG}: a request may have at most {MOST_BYTES:,} bytes"
            return error_response(413, text)
        except BadBodyError as error:
            return error_response(400, f"{Reason.BAD_REQUEST}: {error}")
        except BusyError:
            return error_response(503, "too many requests in flight; retry later", {"retry-after": "1"})
        except TimeoutError:
            return error_response(504, f"no response within {self._seconds:g} s; run weir status {pipeline}")
        except KafkaError as error:
            log_event("GatewaySendFailed", logging.WARNING, pipeline=pipeline, error=error)
            text = "the request could not be sent to Kafka; retry later"
            return error_response(503, text, {"retry-after": "1"})
        headers = to_response(answer.headers)
        if answer.failed:
            return error_response(*status_of(answer), headers)
        return Response(answer.value, media_type=_JSON, headers=headers)

    def _find(self, request: Request) -> Release | Response:
        name = request.headers.get(SELDON_MODEL, "").removesuffix(".pipeline") or request.path_params["name"]
        live = self._live()
        if name not in live:
            # The others are not listed: whoever may send a request need not know them.
            text = f"there is no pipeline {name[:_LONGEST_NAME]}; weir get lists the pipelines"
            return error_response(404, text)
        newest = str(live[name].generation)
        version = request.path_params.get("version", newest)
        if version != newest:
            text = f"version {version[:_LONGEST_NAME]} of {name} is not live; version {newest} is"
            return error_response(404, text)
        return live[name]

    def _live(self) -> dict[str, Release]:
        control = self._status.observed().control
        return {release.name: release for release in control.live()} if control else {}

    def _ready(self) -> dict[str, bool]:
        current = conditions(self._status.observed(), self._connection.topics)
        return {one.of: one.status == "True" for one in current if one.type == "PipelineReady"}

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        await asyncio.to_thread(self._status.start)
        self._correlator.start(asyncio.get_running_loop())
        try:
            yield
        finally:
            await asyncio.to_thread(self._correlator.close)
            await asyncio.to_thread(self._status.close)


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type=_JSON)
