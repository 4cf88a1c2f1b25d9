"""Names of Flink operators, as the web UI shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pyflink.datastream import StreamExecutionEnvironment

# The planner numbers the operators in the order in which it generates them. The shape of the graph is
# constant, and so is this order.
_NAMES = {
    "1_kafka": "requests",
    "2_calc": "request columns",
    "3_correlate": "repeat for readers",
    "4_calc": "columns with readers",
    "5_external-datastream": "requests as stream",
    "6_external-datastream": "requests as table",
    "7_calc": "bounded",
    "8_external-datastream": "bounded as stream",
    "9_external-datastream": "overlong as table",
    "10_calc": "overlong",
    "11_python-calc": "digest overlong",
    "12_calc": "cut overlong",
    "13_external-datastream": "overlong as stream",
    "14_source": "ticks",
    "15_calc": "tick columns",
    "16_external-datastream": "ticks as stream",
    "17_external-datastream": "records as table",
    "18_python-calc": "infer",
    "19_calc": "unpack answers",
    "20_external-datastream": "answers as stream",
    "21_external-datastream": "chunks as table",
    "22_correlate": "unpack chunks",
    "23_calc": "chunk columns",
    "24_external-datastream": "chunks as stream",
    "25_external-datastream": "responses as table",
    "26_calc": "response headers",
    "27_constraint-validator": "check responses",
    "27_sink": "responses",
    "28_external-datastream": "dead letters as table",
    "29_calc": "dead letter headers",
    "30_sink": "dead letters",
    "31_external-datastream": "taps as table",
    "32_correlate": "unpack taps",
    "33_calc": "tap headers",
    "34_constraint-validator": "check taps",
    "34_sink": "taps",
    "35_external-datastream": "reports as table",
    "36_calc": "report headers",
    "37_constraint-validator": "check reports",
    "37_sink": "reports",
    "monitor": "monitor",
}
_GENERATED = re.compile(r"(\d+)_(.+)")
_KEYING = "_stream_key_by_map_operator"


def rename(env: StreamExecutionEnvironment) -> None:
    """Give every operator of the built graph a readable name, and a uid derived from it."""
    nodes = list(transformations(env))
    numbers = [int(match[1]) for node in nodes if (match := _GENERATED.fullmatch(str(node.getUid())))]
    for node in nodes:
        name = "key chunks" if node.getName() == _KEYING else _name(str(node.getUid()), min(numbers))
        if name is not None:
            node.setName(name)
            node.setUid(name.replace(" ", "-"))


def _name(uid: str, first: int) -> str | None:
    generated = _GENERATED.fullmatch(uid)
    if generated is None:
        return _NAMES.get(uid)
    return _NAMES[f"{int(generated[1]) - first + 1}_{generated[2]}"]


def transformations(env: StreamExecutionEnvironment) -> Iterator[Any]:
    """Yield every transformation of the graph once, from the sinks to the sources, inputs first."""
    seen: set[int] = set()

    def walk(node: Any) -> Iterator[Any]:
        if node.getId() in seen:
            return
        seen.add(node.getId())
        for source in node.getInputs():
            yield from walk(source)
        yield node

    for sink in env._j_stream_execution_environment.getTransformations():
        yield from walk(sink)
