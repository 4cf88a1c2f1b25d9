"""weir inspect."""

from __future__ import annotations

from collections import deque
from typing import Annotated, Any

import msgspec
import typer

from jobs.cli.options import Bootstrap, Namespace, Prefix, connection
from operators.control import DEADLINE
from operators.errors import DeploymentError
from operators.kafka_log import read_whole
from operators.topics import Topics


def inspect(
    expression: Annotated[
        str, typer.Argument(help="PIPELINE[.inputs|.outputs] or PIPELINE.STEP.outputs[.TENSOR]")
    ],
    last: Annotated[int, typer.Option("--offset", help="how many of the last records")] = 1,
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Print the last records of a pipeline's topic or of a drift step's reports."""
    where = connection(bootstrap_servers, prefix, namespace)
    pipeline, topic, tensor = locate(expression, where.topics)
    kept: deque[Any] = deque(maxlen=last)
    for record in read_whole(where.bootstrap, [topic], DEADLINE):
        if "outputs" not in topic or dict(record.headers).get("pipeline", b"").decode() == pipeline:
            kept.append(record)
    if not kept:
        raise DeploymentError(f"{topic} holds no record of pipeline {pipeline}")
    for record in sorted(kept, key=lambda record: record.timestamp):
        key = (record.key or b"").decode("utf-8", "replace")
        print(f"{topic}\t{key}\t{_shown(record.value or b'', tensor)}")


def locate(expression: str, topics: Topics) -> tuple[str, str, str | None]:
    """Return pipeline, topic and tensor that an expression means."""
    match expression.split("."):
        case [pipeline] | [pipeline, "outputs"]:
            return pipeline, topics.outputs(pipeline), None
        case [pipeline, "inputs"]:
            return pipeline, topics.inputs(pipeline), None
        case [pipeline, "outputs", tensor]:
            return pipeline, topics.outputs(pipeline), tensor
        case [pipeline, step] | [pipeline, step, "outputs"]:
            return pipeline, topics.model_outputs(step), None
        case [pipeline, step, "outputs", tensor]:
            return pipeline, topics.model_outputs(step), tensor
    raise DeploymentError(f"{expression!r} is not PIPELINE, PIPELINE.inputs or PIPELINE.STEP.outputs.TENSOR")


def _shown(value: bytes, tensor: str | None) -> str:
    if tensor is None:
        return value.decode("utf-8", "replace")
    try:
        outputs = msgspec.json.decode(value)["outputs"]
        found = next(output for output in outputs if output["name"] == tensor)
    except (msgspec.MsgspecError, KeyError, TypeError, StopIteration):
        return f"(no tensor {tensor} in this record)"
    return msgspec.json.encode(found).decode()
