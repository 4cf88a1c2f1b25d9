"""Records as people read them: the tensors of either encoding, and what is wanted of them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from jobs.traffic.inspect.expression import Target
from operators.core.errors import DeploymentError, MalformedError, RecordError
from operators.core.foreign_json import decode, nearest_time
from operators.kafka.dead_letters import owner_of
from operators.protocol.decode import decode_request

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
# What headers of a dead letter tell.
_TOLD = {
    "reason": "__connect.errors.exception.class.name",
    "step": "weir-error-step",
    "message": "__connect.errors.exception.message",
    "topic": "__connect.errors.topic",
    "partition": "__connect.errors.partition",
    "offset": "__connect.errors.offset",
}
_NUMBER = re.compile(r"[0-9]{1,18}")
_CONDITION = re.compile(r"(?P<tensor>[^=!<>]+?)\s*(?P<sign>>=|<=|!=|=|>|<)\s*(?P<value>.+)")


class ReadableRecord(NamedTuple):
    """A record: what Kafka knows of it, its text headers, and its value as JSON has it, or as text."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: str
    headers: dict[str, str]
    value: Any

    @property
    def pipeline(self) -> str:
        """Name the pipeline that the record is of; of a dead letter, the one whose requests it was among."""
        return owner_of(self.headers) if _TOLD["topic"] in self.headers else self.headers.get("pipeline", "")

    @property
    def request_id(self) -> str | None:
        """Return the id of the request, also of one that became a dead letter."""
        value = self.value
        if isinstance(value, dict) and "request" in value and _TOLD["topic"] in self.headers:
            value = value["request"]
        return value.get("id") if isinstance(value, dict) else None

    def tensors(self) -> list[dict[str, Any]]:
        """Return the tensors in it, none where it is no V2 message."""
        if not isinstance(self.value, dict):
            return []
        found = self.value.get("outputs") or self.value.get("inputs") or []
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def tensor(self, name: str) -> dict[str, Any] | None:
        """Return a tensor by name."""
        return next((one for one in self.tensors() if one.get("name") == name), None)

    def line(self, tensor: str) -> str:
        """Tell it as Seldon does: topic, key, and the value or one tensor of it."""
        value = self.tensor(tensor) if tensor else self.value
        if value is None:
            value = f"(no tensor {tensor} in this record)"
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        return f"{self.topic}\t{self.key}\t{text}"

    def json(self, tensor: str) -> str:
        """Tell it as one line of JSON."""
        at = nearest_time(self.timestamp).isoformat(timespec="milliseconds")
        value = self.tensor(tensor) if tensor else self.value
        return msgspec.json.encode({**self._asdict(), "timestamp": at, "value": value}).decode()


class Condition(NamedTuple):
    """A comparison that holds for a record in which it holds for any value of a tensor."""

    tensor: str
    sign: str
    value: Any

    def holds(self, shown: ReadableRecord) -> bool:
        """Tell whether it holds for any value of the tensor, or of a parameter of the message."""
        tensor = shown.tensor(self.tensor)
        if tensor is None:
            parameters = shown.value.get("parameters") if isinstance(shown.value, dict) else None
            known = parameters if isinstance(parameters, dict) else {}
            values = [known[self.tensor]] if self.tensor in known else []
        else:
            values = _flat(tensor.get("data"))
        return any(self._compares(value) for value in values)

    def _compares(self, value: Any) -> bool:
        try:
            return _COMPARE[self.sign](value, self.value)
        except TypeError:
            return False


def parse_condition(text: str) -> Condition:
    """Read `TENSOR>VALUE` and the like; DeploymentError says how one is written.

    >>> parse_condition("instance_score >= 0.5")
    Condition(tensor='instance_score', sign='>=', value=0.5)
    >>> parse_condition("state=DRIFT")
    Condition(tensor='state', sign='=', value='DRIFT')
    """
    found = _CONDITION.fullmatch(text.strip())
    if not found:
        raise DeploymentError(f"{text!r} is no condition: write is_outlier=1 or instance_score>0.5")
    value: Any = found["value"]
    try:
        value = decode(value.encode(), object)
    except (MalformedError, UnicodeEncodeError):
        value = value.strip()
    return Condition(found["tensor"].strip(), found["sign"], value)


def show(record: Any, target: Target) -> ReadableRecord:
    """Read a Kafka record."""
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    value = _value(record.value or b"", headers, "inputs" if target.side == "errors" else target.side)
    return ReadableRecord(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        (record.key or b"").decode("utf-8", "replace"),
        headers,
        _dead_letter(value, headers) if target.side == "errors" else value,
    )


def _dead_letter(request: Any, headers: dict[str, str]) -> dict[str, Any]:
    """Put what was wrong with a request before it."""
    told: dict[str, Any] = {name: headers.get(header, "") for name, header in _TOLD.items()}
    for name in ("partition", "offset"):
        told[name] = int(told[name]) if _NUMBER.fullmatch(told[name]) else told[name]
    return {"parameters": told, "request": request}


def _value(body: bytes, headers: dict[str, str], side: str) -> Any:
    if "seldon-pipeline-errors" in headers:
        return body.decode("utf-8", "replace")
    try:
        value: Any = decode(body, object)
        return value
    except MalformedError:
        pass
    try:
        read = decode_request(body, headers.get("seldon-infer-type"), response=side == "outputs")
    except RecordError:
        return body.decode("utf-8", "replace")
    tensors = [_tensor(msgspec.to_builtins(one, enc_hook=_plain)) for one in read.inputs]
    return {**({"id": read.id} if read.id else {}), side: tensors}


def _tensor(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "parameters" or value}


def _plain(value: Any) -> Any:
    return value.tolist()


def _flat(data: Any) -> list[Any]:
    if not isinstance(data, list):
        return [data]
    return [value for one in data for value in _flat(one)]
