"""Records in readable form, with the tensors of JSON and protobuf, and conditions on their values."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from jobs.traffic.inspect.expression import Target
from operators.core.errors import DeploymentError, MalformedError, RecordError
from operators.core.foreign_json import decode
from operators.core.printable import one_cell
from operators.core.timestamps import nearest_time
from operators.kafka import headers
from operators.kafka.dead_letters import is_dead_letter, read_headers
from operators.protocol.decode import decode_request

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_NUMBER = re.compile(r"[0-9]{1,18}")
_CONDITION = re.compile(r"(?P<tensor>[^=!<>]+?)\s*(?P<sign>>=|<=|!=|=|>|<)\s*(?P<value>.+)")


class ReadableRecord(NamedTuple):
    """A Kafka record with its headers and key as text, and its value as decoded JSON or as text.

    `timestamp` is in milliseconds since 1970.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: str
    headers: dict[str, str]
    value: Any

    @property
    def pipeline(self) -> str:
        """Name of the record's pipeline; of a dead letter, that of the topic from which it was read."""
        if is_dead_letter(self.headers):
            return read_headers(self.headers).owner
        return self.headers.get(headers.PIPELINE, "")

    @property
    def request_id(self) -> str | None:
        """Id of the request, also in a dead letter; None where there is none."""
        value = self.value
        if isinstance(value, dict) and "request" in value and is_dead_letter(self.headers):
            value = value["request"]
        return value.get("id") if isinstance(value, dict) else None

    def tensors(self) -> list[dict[str, Any]]:
        """Return the tensors of the record, none where it is not a V2 message."""
        if not isinstance(self.value, dict):
            return []
        tensors = self.value.get("outputs") or self.value.get("inputs") or []
        return [one for one in tensors if isinstance(one, dict)] if isinstance(tensors, list) else []

    def tensor(self, name: str) -> dict[str, Any] | None:
        """Return the tensor of a name, None where there is none."""
        return next((one for one in self.tensors() if one.get("name") == name), None)

    def line(self, tensor: str) -> str:
        """Return the line that Seldon prints: topic, key, and the value or one tensor of it."""
        value = self.tensor(tensor) if tensor else self.value
        if value is None:
            value = f"(no tensor {tensor} in this record)"
        text = one_cell(value) if isinstance(value, str) else msgspec.json.encode(value).decode()
        return f"{self.topic}\t{one_cell(self.key)}\t{text}"

    def json(self, tensor: str) -> str:
        """Return the record as one line of JSON, with the value or one tensor of it."""
        at = nearest_time(self.timestamp).isoformat(timespec="milliseconds")
        value = self.tensor(tensor) if tensor else self.value
        return msgspec.json.encode({**self._asdict(), "timestamp": at, "value": value}).decode()


class Condition(NamedTuple):
    """A comparison with the values of a tensor, or with a parameter of the message."""

    tensor: str
    sign: str
    value: Any

    def holds(self, record: ReadableRecord) -> bool:
        """Return whether it is true for any value of the tensor, else for the parameter of that name."""
        tensor = record.tensor(self.tensor)
        if tensor is None:
            value = record.value.get("parameters") if isinstance(record.value, dict) else None
            parameters = value if isinstance(value, dict) else {}
            values = [parameters[self.tensor]] if self.tensor in parameters else []
        else:
            values = _flat(tensor.get("data"))
        return any(self._compares(value) for value in values)

    def _compares(self, value: Any) -> bool:
        try:
            return _COMPARE[self.sign](value, self.value)
        except TypeError:
            return False


def parse_condition(text: str) -> Condition:
    """Parse `TENSOR>VALUE`, or one with another comparison sign; DeploymentError for anything else.

    >>> parse_condition("instance_score >= 0.5")
    Condition(tensor='instance_score', sign='>=', value=0.5)
    >>> parse_condition("state=DRIFT")
    Condition(tensor='state', sign='=', value='DRIFT')
    """
    match = _CONDITION.fullmatch(text.strip())
    if not match:
        raise DeploymentError(f"{text!r} is not a condition; write is_outlier=1 or instance_score>0.5")
    value: Any = match["value"]
    try:
        value = decode(value.encode(), object)
    except (MalformedError, UnicodeEncodeError):
        value = value.strip()
    return Condition(match["tensor"].strip(), match["sign"], value)


def show(record: Any, target: Target) -> ReadableRecord:
    """Return a Kafka record in readable form."""
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


def _dead_letter(request: Any, fields: dict[str, str]) -> dict[str, Any]:
    """Return the error of a request as parameters, followed by the request."""
    parameters: dict[str, Any] = read_headers(fields)._asdict()
    del parameters["pipeline"]
    for name in ("partition", "offset"):
        if _NUMBER.fullmatch(parameters[name]):
            parameters[name] = int(parameters[name])
    return {"parameters": parameters, "request": request}


def _value(body: bytes, fields: dict[str, str], side: str) -> Any:
    if headers.ERROR in fields:
        return body.decode("utf-8", "replace")
    try:
        value: Any = decode(body, object)
        return value
    except MalformedError:
        pass
    try:
        message = decode_request(body, fields.get(headers.INFER_TYPE), response=side == "outputs")
    except RecordError:
        return body.decode("utf-8", "replace")
    tensors = [_tensor(msgspec.to_builtins(one, enc_hook=_to_list)) for one in message.inputs]
    return {**({"id": message.id} if message.id else {}), side: tensors}


def _tensor(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "parameters" or value}


def _to_list(value: Any) -> Any:
    return value.tolist()


def _flat(data: Any) -> list[Any]:
    if not isinstance(data, list):
        return [data]
    return [value for item in data for value in _flat(item)]
