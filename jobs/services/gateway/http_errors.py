"""Error responses: JSON with `error`, a text without names of the server's files."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from jobs.kafka.pipeline_client import Answer
from operators.core.errors import Reason
from operators.kafka.headers import ERROR_REASON

# 4xx: the client can fix the request. 500, 504: a model ends or hangs on it. 503: no model can run.
_STATUS = {
    Reason.UNKNOWN_PIPELINE: 404,
    Reason.RECORD_TOO_LONG: 413,
    Reason.STEP_FAILED: 422,
    Reason.NO_OUTPUT: 422,
    Reason.MODEL_CRASHED: 500,
    Reason.MODEL_TIMEOUT: 504,
    Reason.RESPONSE_TOO_LONG: 422,
    Reason.PIPELINE_FAILED: 503,
}
# URIs, and absolute paths of at least two parts. A quoted path may contain blanks.
_PLACE = re.compile(
    r"""[A-Za-z][\w+.-]*://[^\s'",;)]+|(?<=')/[^'/\n]+/[^'\n]*(?=')|(?<![\w./])/[\w.@~+-]+/[^\s'",;:)]*"""
)


def status_of(answer: Answer) -> tuple[int, str]:
    """Return the HTTP status and the message of an error response."""
    reason = (answer.headers.get(ERROR_REASON) or b"").decode("utf-8", "replace")
    message = answer.value.decode("utf-8", "replace")
    if reason == Reason.UNKNOWN_PIPELINE:
        message = message.partition(";")[0]  # without the names of the others
    return _STATUS.get(reason, 400), hide_places(f"{reason}: {message}")  # type: ignore[call-overload]


def hide_places(text: str) -> str:
    """Return a text without URIs and paths: they are of no use to a client, and of use to an attacker.

    >>> hide_places("income: no file '/srv/my models/income/model.joblib' (s3://bucket/income); 1/2, a/b/c")
    "income: no file '(path)' ((path)); 1/2, a/b/c"
    """
    return _PLACE.sub("(path)", text)


def error_response(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """Return a response with an error."""
    return Response(msgspec.json.encode({"error": message}), status, headers, "application/json")


async def _refuse(request: Request, error: HTTPException) -> Response:
    """Return the response to a request for a path or a method that there is not."""
    return error_response(error.status_code, error.detail, dict(error.headers or {}))


async def _fail(request: Request, error: Exception) -> Response:
    """Return the response after an error of the gateway itself; the log has its traceback."""
    return error_response(500, "the gateway failed; its log has the error")


HANDLERS: dict[Any, Any] = {HTTPException: _refuse, Exception: _fail}
