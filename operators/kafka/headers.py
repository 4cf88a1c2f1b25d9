"""Names of the headers that Kafka records of Weir have. Those of dead letters are in `dead_letters.py`."""

from __future__ import annotations

# The pipeline that produced a record, and the generation of its release.
PIPELINE = "pipeline"
VERSION = "x-pipeline-version"
# Seldon's: the encoding of a request or a response; the step that failed, on error responses only.
INFER_TYPE = "seldon-infer-type"
ERROR = "seldon-pipeline-errors"
# The reason of an error response.
ERROR_REASON = "weir-error-reason"
# The request that a response belongs to.
REQUEST_TOPIC = "weir-request-topic"
REQUEST_PARTITION = "weir-request-partition"
REQUEST_OFFSET = "weir-request-offset"


def release_headers(pipeline: str, generation: int) -> dict[str, str]:
    """Return the headers of a record that the release of a pipeline produced."""
    return {PIPELINE: pipeline, VERSION: str(generation)}
