"""Lines and table rows that show what a pipeline emitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from jobs.models.judge import strongest
from jobs.traffic.local.emitted_records import EmittedDeadLetter, EmittedReport, EmittedResponse, plain_value

_MOST_VALUES = 4
HEADER = f"{'OFFSET':<9}{'ID':<12}{'STATUS':<11}OUTPUTS"
WINDOWS = ("step", "window", "offsets", "rows", "state", "moved most")
DEAD_LETTERS = ("offset", "reason", "step", "message")


def response_line(response: EmittedResponse) -> str:
    """Return a line that shows a response: its tensors, at most four values of each."""
    value = msgspec.json.decode(msgspec.json.encode(response.as_json()["value"]))
    if value is None:
        return _line(response.offset, "", "answered", "nothing: there is no spec.output")
    if not isinstance(value, dict):
        return _line(response.offset, "", "answered", str(value))
    outputs = ", ".join(map(_output, value["outputs"]))
    return _line(response.offset, str(value.get("id", "")), "answered", outputs)


def failed_line(letter: EmittedDeadLetter) -> str:
    """Return a line that shows a failed request."""
    value = plain_value(letter.body)
    id_ = value.get("id") if isinstance(value, dict) else None
    return _line(letter.offset, str(id_ or ""), "failed", letter.reason)


def window_row(report: EmittedReport) -> Sequence[str]:
    """Return a window's report as cells of the columns `WINDOWS`."""
    parameters = msgspec.json.decode(report.body)["parameters"]
    first = min(member["first_offset"] for member in parameters["members"])
    last = max(member["last_offset"] for member in parameters["members"])
    state = parameters["state"] + (" confirmed" if parameters["confirmed"] else "")
    moved = ", ".join(f"{name} {effect}" for name, effect in list(strongest(parameters))[:3])
    partial = " (partial)" if report.partial else ""
    return (
        parameters["step"],
        f"{parameters['window']}{partial}",
        f"{first}-{last}",
        f"{parameters['n']:,}",
        state,
        moved,
    )


def letter_row(letter: EmittedDeadLetter) -> Sequence[str]:
    """Return a dead letter as cells of the columns `DEAD_LETTERS`."""
    return str(letter.offset), letter.reason, letter.step or "-", letter.message


def _line(offset: int, id_: str, status: str, outputs: str) -> str:
    return f"{offset:<8} {id_:<11} {status:<10} {outputs}"


def _output(tensor: dict[str, Any]) -> str:
    values = list(_flat(tensor["data"]))
    shown = " ".join(map(_value, values[:_MOST_VALUES])) + (" …" if len(values) > _MOST_VALUES else "")
    state = tensor.get("parameters", {}).get("state")
    return f"{tensor['name']} {shown}" + (f" ({state})" if state else "")


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "null" if value is None else str(value)


def _flat(data: Any) -> Iterator[Any]:
    for value in data:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value
