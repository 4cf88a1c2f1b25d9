"""Lines and table rows that show what a pipeline emitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from jobs.models.judge import drifted_most, violating
from jobs.traffic.local.emitted_records import EmittedDeadLetter, EmittedReport, EmittedResponse, plain_value
from operators.windows.report import read_report

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
    found = read_report(report.body)
    assert found is not None
    window = found.window
    first = min(member.first_offset for member in window.members)
    last = max(member.last_offset for member in window.members)
    worst = [*drifted_most(window.ranked, window.drift), *violating(window.ranked, window.quality)]
    return (
        window.step,
        f"{window.window}{' (partial)' if report.partial else ''}",
        f"{first}-{last}",
        f"{window.n:,}",
        window.state + (" confirmed" if window.confirmed else ""),
        ", ".join(f"{name} {detail}" for name, detail in worst[:3]),
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
