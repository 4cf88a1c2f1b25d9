"""What went wrong, as HTTP has it."""

from __future__ import annotations

from jobs.kafka.pipeline_client import Answer
from operators.core.errors import Reason

# What the client can mend is its own error; that a pipeline's models are not there is not.
_STATUS = {
    Reason.UNKNOWN_PIPELINE: 404,
    Reason.RECORD_TOO_LONG: 413,
    Reason.STEP_FAILED: 422,
    Reason.NO_OUTPUT: 422,
    Reason.RESPONSE_TOO_LONG: 422,
    Reason.PIPELINE_FAILED: 503,
}


def status_of(answer: Answer) -> tuple[int, str]:
    """Return the status and the message of an answer that tells an error."""
    reason = answer.headers.get("weir-error-reason", b"").decode("utf-8", "replace")
    message = answer.value.decode("utf-8", "replace")
    return _STATUS.get(reason, 400), f"{reason}: {message}"  # type: ignore[call-overload]
