"""HTTP statuses of error responses."""

from __future__ import annotations

from jobs.kafka.pipeline_client import Answer
from operators.core.errors import Reason
from operators.kafka.headers import ERROR_REASON

# 4xx: the client can fix the request. 503: the pipeline's models could not be loaded.
_STATUS = {
    Reason.UNKNOWN_PIPELINE: 404,
    Reason.RECORD_TOO_LONG: 413,
    Reason.STEP_FAILED: 422,
    Reason.NO_OUTPUT: 422,
    Reason.RESPONSE_TOO_LONG: 422,
    Reason.PIPELINE_FAILED: 503,
}


def status_of(answer: Answer) -> tuple[int, str]:
    """Return the HTTP status and the message of an error response."""
    reason = answer.headers.get(ERROR_REASON, b"").decode("utf-8", "replace")
    message = answer.value.decode("utf-8", "replace")
    return _STATUS.get(reason, 400), f"{reason}: {message}"  # type: ignore[call-overload]
