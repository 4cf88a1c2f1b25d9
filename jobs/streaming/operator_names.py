"""Names of Flink operators, as the web UI shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pyflink.datastream import StreamExecutionEnvironment

# Kind and name of each operator that the planner generates, from the sources to the sinks. The shape of the
# graph is constant, and so is this order.
_GENERATED = (
    ("kafka", "requests"),
    ("calc", "request columns"),
    ("correlate", "repeat for readers"),
    ("calc", "columns with readers"),
    ("external-datastream", "requests as stream"),
    ("external-datastream", "requests as table"),
    ("calc", "bounded"),
    ("external-datastream", "bounded as stream"),
    ("external-datastream", "overlong as table"),
    ("calc", "overlong"),
    ("python-calc", "digest overlong"),
    ("calc", "cut overlong"),
    ("external-datastream", "overlong as stream"),
    ("source", "ticks"),
    ("calc", "tick columns"),
    ("external-datastream", "ticks as stream"),
    ("external-datastream", "records as table"),
    ("python-calc", "infer"),
    ("calc", "unpack answers"),
    ("external-datastream", "answers as stream"),
    ("external-datastream", "chunks as table"),
    ("correlate", "unpack chunks"),
    ("calc", "chunk columns"),
    ("external-datastream", "chunks as stream"),
    ("external-datastream", "shards as table"),
    ("correlate", "unpack shards"),
    ("calc", "shard columns"),
    ("external-datastream", "shards as stream"),
    ("external-datastream", "responses as table"),
    ("calc", "response headers"),
    ("constraint-validator", "check responses"),
    ("sink", "responses"),
    ("external-datastream", "dead letters as table"),
    ("calc", "dead letter headers"),
    ("sink", "dead letters"),
    ("external-datastream", "taps as table"),
    ("correlate", "unpack taps"),
    ("calc", "tap headers"),
    ("constraint-validator", "check taps"),
    ("sink", "taps"),
    ("external-datastream", "reports as table"),
    ("calc", "report headers"),
    ("constraint-validator", "check reports"),
    ("sink", "reports"),
)
_KIND = re.compile(r"\d+_(.+)")
_KEYING = "_stream_key_by_map_operator"
_KEYED = ("key shards", "key chunks")


def rename(env: StreamExecutionEnvironment) -> None:
    """Give every operator of the built graph a readable name, and a uid derived from it."""
    generated, keying = iter(_GENERATED), iter(_KEYED)
    for node in transformations(env):
        if node.getName() == _KEYING:
            _name(node, next(keying))
        elif kind := _KIND.fullmatch(str(node.getUid())):
            expected, name = next(generated)
            assert kind[1] == expected, f"{node.getName()} is a {kind[1]}; {name} must be a {expected}"
            _name(node, name)


def _name(node: Any, name: str) -> None:
    node.setName(name)
    node.setUid(name.replace(" ", "-"))


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
