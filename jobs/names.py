"""Names of operators as the web UI shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pyflink.datastream import StreamExecutionEnvironment

# The planner numbers what it generates in order; the graph's shape is constant, so the order is.
_NAMES = {
    "1_kafka": "requests",
    "2_calc": "request columns",
    "3_external-datastream": "requests as stream",
    "4_external-datastream": "requests as table",
    "5_calc": "bounded",
    "6_external-datastream": "bounded as stream",
    "7_external-datastream": "overlong as table",
    "8_calc": "overlong",
    "9_python-calc": "digest overlong",
    "10_calc": "cut overlong",
    "11_external-datastream": "overlong as stream",
    "12_source": "ticks",
    "13_calc": "tick columns",
    "14_external-datastream": "ticks as stream",
    "15_external-datastream": "records as table",
    "16_python-calc": "infer",
    "17_calc": "unpack answers",
    "18_external-datastream": "answers as stream",
    "19_external-datastream": "chunks as table",
    "20_correlate": "unpack chunks",
    "21_calc": "chunk columns",
    "22_external-datastream": "chunks as stream",
    "23_external-datastream": "responses as table",
    "24_calc": "response headers",
    "25_constraint-validator": "check responses",
    "25_sink": "responses",
    "26_external-datastream": "dead letters as table",
    "27_calc": "dead letter headers",
    "28_sink": "dead letters",
    "29_external-datastream": "reports as table",
    "30_calc": "report headers",
    "31_constraint-validator": "check reports",
    "31_sink": "reports",
    "monitor": "monitor",
}
_GENERATED = re.compile(r"(\d+)_(.+)")
_KEYING = "_stream_key_by_map_operator"


def rename(env: StreamExecutionEnvironment) -> None:
    """Give every operator of the graph that was built a readable name, and a uid made of it."""
    nodes = list(_transformations(env))
    numbers = [int(found[1]) for node in nodes if (found := _GENERATED.fullmatch(str(node.getUid())))]
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


def uids(env: StreamExecutionEnvironment) -> list[tuple[str, str]]:
    """List (uid, name) of every operator; a change of a uid loses the operator's state."""
    return [(str(node.getUid()), str(node.getName())) for node in _transformations(env) if _runs(node)]


def _transformations(env: StreamExecutionEnvironment) -> Iterator[Any]:
    """Walk the graph from its sinks to its sources, each transformation once, inputs first."""
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


def _runs(node: Any) -> bool:
    """Tell an operator from what only says how records are exchanged."""
    return str(node.getClass().getSimpleName()) not in ("PartitionTransformation", "UnionTransformation")
