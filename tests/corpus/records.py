"""Records that may be on the topics of a namespace: good ones of each kind, and bad ones of every sort.

`VALUES` are bad as a record of any kind, `KEYS` as keys of the control topic. Of each kind, `good_…` returns
a record as ours are, and `BAD[kind]` lists what differs in bad ones: a path into the value, and what is
there. A case found in the wild is one more line here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple

from operators.metrics.tally import BOUNDS

DEEP = 100_000
# Instead of a value: the field is left out.
MISSING = object()


class Record(NamedTuple):
    """A record as the Kafka client returns it."""

    key: bytes | None
    value: bytes | None
    topic: str = "t"
    partition: int = 0
    offset: int = 0
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp: int = 1_700_000_000_000


def nested(opened: bytes, closed: bytes, levels: int = DEEP) -> bytes:
    return opened * levels + closed * levels


# Values that are bad whatever the record is.
VALUES: dict[str, bytes] = {
    "empty": b"",
    "a blank": b" ",
    "NUL": b"\x00",
    "junk": b"junk",
    "bytes that are not UTF-8": b"\xff\xfe\x00\x01",
    "UTF-8 cut in a character": b'{"name": "caf\xc3',
    "a text that is not UTF-8": b'{"name": "\xff"}',
    "an encoded surrogate": b'{"name": "\xed\xa0\x80"}',
    "an escaped surrogate": b'{"name": "\\ud800"}',
    "surrogates in the wrong order": b'{"name": "\\udfff\\ud800"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"generation": 1}'.encode("utf-16"),
    "null": b"null",
    "true": b"true",
    "a number": b"17",
    "a text": b'"release"',
    "an empty list": b"[]",
    "a list": b'[{"generation": 1}]',
    "an empty object": b"{}",
    "an object of others": b'{"hello": "world"}',
    "cut": b'{"generation": ',
    "two objects": b'{"generation": 1}{"generation": 2}',
    "a comma too many": b'{"generation": 1,}',
    "single quotes": b"{'generation': 1}",
    "NaN": b'{"generation": NaN, "until": NaN, "at": NaN}',
    "infinity": b'{"generation": Infinity, "until": -Infinity}',
    "1e999": b'{"generation": 1e999, "until": 1e999}',
    "1e300": b'{"generation": 1e300, "until": 1e300}',
    "half a generation": b'{"generation": 1.5, "until": "soon"}',
    "20 digits": b'{"generation": %s, "until": -1}' % (b"9" * 20),
    "10,000 digits": b'{"generation": %s, "until": %s}' % (b"9" * 10_000, b"9" * 10_000),
    "10,000 digits after the point": b'{"generation": 0.%s}' % (b"9" * 10_000),
    "nested lists": nested(b"[", b"]"),
    "nested objects": nested(b'{"a":', b"}").replace(b":}", b":1}", 1),
    "nested lists that never close": b"[" * DEEP,
    "nested objects that never close": b'{"a":' * DEEP,
    "nested in a field": b'{"generation": 1, "until": 1.0, "outputs": [], "x": ' + nested(b"[", b"]") + b"}",
    "nested a little too much": b'{"generation": 1, "until": 1.0, "outputs": [], "x": '
    + nested(b"[", b"]", 400)
    + b"}",
    "generation 0": b'{"generation": 0, "until": -1}',
    "a negative generation": b'{"generation": -1, "until": -1e-9}',
    "a generation that is text": b'{"generation": "1", "until": "1"}',
    "a generation that is true": b'{"generation": true, "until": true}',
    "the last of two keys counts": b'{"generation": 1, "generation": "x", "until": 1, "until": "x"}',
    "protobuf": b"\x0a\x05hello\x12\x03abc",
    "YAML": b"generation: 1\n",
    "HTML": b"<html><body>502 Bad Gateway</body></html>",
    "a manifest": b'{"kind": "Pipeline", "metadata": {"name": "p"}, "spec": {"steps": []}}',
}

# Keys of the control topic that are bad whatever the value is.
KEYS: dict[str, bytes | None] = {
    "none": None,
    "empty": b"",
    "junk": b"junk",
    "NUL": b"\x00",
    "not UTF-8": b"\xff\xfe",
    "not UTF-8 behind the kind": b"release/p/\xff",
    "another kind": b"pipeline/p",
    "a kind alone": b"release",
    "a kind and a slash": b"head/",
    "no generation": b"release/p",
    "an empty generation": b"release/p/",
    "generation ²": "release/p/²".encode(),
    "generation ٣": "release/p/٣".encode(),
    "generation 0": b"release/p/0",
    "generation -1": b"release/p/-1",
    "generation +1": b"release/p/+1",
    "generation 01": b"release/p/01",
    "generation 1.0": b"release/p/1.0",
    "generation 1_0": b"release/p/1_0",
    "generation ' 1'": b"release/p/ 1",
    "generation 10^16": b"release/p/10000000000000000",
    "10,000 digits": b"release/p/" + b"9" * 10_000,
    "too many parts": b"release/p/1/2",
    "no name": b"release//1",
    "a name of letters that are not ours": "release/größe/1".encode(),
    "a name in capitals": b"head/P",
    "a name with NUL": b"head/p\x00",
    "a name with a newline": b"head/p\n",
    "a name with a dot": b"head/a.b",
    "a name with a slash": b"head/a/b",
    "a name of blanks": b"tap/   ",
    "10,000 characters": b"head/" + b"p" * 10_000,
    "a model with a slash": b"model/a/b",
    "a model without a name": b"model/",
}

_STEPS: list[dict[str, Any]] = [{"name": "m"}, {"name": "d", "batch": {"size": 10}}]


def _model(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "Model",
        "metadata": {"name": name},
        "spec": {"storageUri": f"/models/{name}"},
    }


def _artifact(name: str) -> dict[str, Any]:
    return {"uri": f"/models/{name}", "digest": "sha256:ab", "runtime": "sklearn", "memory": 1}


def good_release(name: str = "p", generation: int = 1) -> dict[str, Any]:
    return {
        "schema": 1,
        "name": name,
        "generation": generation,
        "pipeline": {
            "apiVersion": "mlops.seldon.io/v1alpha1",
            "kind": "Pipeline",
            "metadata": {"name": name},
            "spec": {
                "steps": deepcopy(_STEPS),
                "input": {"externalInputs": ["other.outputs"]},
                "output": {"steps": ["m"]},
            },
        },
        "models": [_model("m"), _model("d")],
        "monitor": {
            "apiVersion": "weir/v1alpha1",
            "kind": "Monitor",
            "metadata": {"name": f"{name}-monitor"},
            "spec": {"pipeline": name, "redact": ["age"]},
        },
        "artifacts": {"m": _artifact("m"), "d": _artifact("d")},
        "topics": [f"weir.default.pipeline.{name}.inputs"],
        "external_topic": "weir.default.pipeline.other.outputs",
        "epochs": {"d": 1},
        "created_at": "2026-01-02T03:04:05+00:00",
        "created_by": "ana",
        "message": "first",
    }


def good_model() -> dict[str, Any]:
    return {"model": _model("m"), "artifact": _artifact("m")}


def good_worker() -> dict[str, Any]:
    return {
        "job": "weir.default",
        "subtask": 0,
        "subtasks": 2,
        "attempt": 0,
        "host": "h",
        "pid": 1,
        "started_at": 1e9,
        "at": 1e9,
        "processed_at": 1e9,
        "pipelines": {"p": {"generation": 1, "head": 1, "failure": ""}},
    }


def good_event() -> dict[str, Any]:
    return {"at": 1e9, "pipeline": "p", "generation": 1, "what": "Serving", "why": ""}


def _tally() -> dict[str, Any]:
    buckets = [1] + [0] * len(BOUNDS)
    step = {"rows": 1, "batches": 1, "microseconds": 5, "buckets": list(buckets), "outliers": 1}
    return {
        "requests": 1,
        "failed": 0,
        "milliseconds": 3,
        "buckets": buckets,
        "errors": {"m": {"STEP_FAILED": 1}},
        "steps": {"m": {**step, "bad_values": {"age": {"missing": 1}}}},
    }


def good_rates() -> dict[str, Any]:
    since, until = "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:10.000Z"
    head = {"pipeline": "p", "generation": 1, "since": since, "until": until}
    return {**head, "le": list(BOUNDS), "tally": _tally()}


def good_alert() -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "WeirDrift", "pipeline": "p", "step": "d", "severity": "warning"},
        "annotations": {"summary": "it moved"},
        "startsAt": "2026-01-01T00:00:00.000Z",
        "endsAt": "9000-01-01T00:00:00.000Z",
        "fingerprint": "00ff00ff00ff00ff",
    }


def good_outlier() -> dict[str, Any]:
    return {
        "pipeline": "p",
        "generation": 1,
        "step": "m",
        "topic": "weir.default.pipeline.p.inputs",
        "partition": 0,
        "offset": 7,
        "timestamp": 1_700_000_000_000,
        "row": 0,
        "score": 0.9,
        "threshold": 0.5,
        "features": [{"column": "age", "contribution": 0.4, "value": 99.0}],
        "detector": "sha256:ab",
    }


def good_report(is_drift: int = 1, window: int = 3) -> dict[str, Any]:
    feature = {"column": "age", "feature": "age", "p_val": 0.01, "effect": 0.4, "drifted": True}
    member = {"topic": "t", "partition": 0, "first_offset": 3, "last_offset": 12, "rows": 10}
    share = {"column": "age", "edges": [1.0, 2.0], "reference": [0.1, 0.2, 0.7], "window": [0.3, 0.3, 0.4]}
    return {
        "model_name": "d",
        "outputs": [{"name": "is_drift", "shape": [1, 1], "datatype": "INT64", "data": [is_drift]}],
        "parameters": {
            "pipeline": "p",
            "step": "d",
            "generation": 1,
            "window": window,
            "state": "DRIFT" if is_drift else "OK",
            "n": 10,
            "closed_at": "2026-01-01T00:00:00.000+00:00",
            "confirmed": False,
            "ranked": ["age"],
            "features": [feature],
            "histograms": [share],
            "members": [member],
        },
    }


_MOMENTS: tuple[Any, ...] = (
    "",
    "x",
    "99999-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+23:59",
    "1969-12-31T23:59:59Z",
    "2026-13-01T00:00:00Z",
    "1" * 10_000,
    5,
    None,
    MISSING,
)
_NAMES: tuple[Any, ...] = ("", "P", "a.b", "a/b", "a\x00", "p" * 10_000, "²", " p", 1, None, [], MISSING)
_NUMBERS: tuple[Any, ...] = (-2, 2**53 + 1, 2**64, 10**400, 1.5, "1", True, None, [], MISSING)
_SECONDS: tuple[Any, ...] = (-1.0, 1e300, 1e12, "x", None, MISSING)
_OBJECTS: tuple[Any, ...] = (None, "x", 3, [], [1], MISSING)
_LISTS: tuple[Any, ...] = (None, "x", 3, {"a": 1}, [3], [None])

# By kind: where a good record differs, and what is there in each of the bad ones.
BAD: dict[str, list[tuple[tuple[str | int, ...], tuple[Any, ...]]]] = {
    "release": [
        (("schema",), (2, 99, 0, -1, "1", None, 2**64)),
        (("name",), (*_NAMES, "q")),
        (("generation",), (*_NUMBERS, 0, 2)),
        (("created_at",), _MOMENTS),
        (("pipeline",), _OBJECTS),
        (("pipeline", "kind"), ("Model", "", None, 3, MISSING)),
        (("pipeline", "metadata"), (*_OBJECTS, {"name": "q"})),
        (("pipeline", "metadata", "name"), (*_NAMES, "q")),
        (("pipeline", "spec"), _OBJECTS),
        (("pipeline", "spec", "steps"), (*_LISTS, [{"name": 3}], [{"name": "unknown"}], MISSING)),
        (("pipeline", "spec", "input"), ("x", 3, [], {"externalInputs": []}, {"externalInputs": [3]}, None)),
        (("pipeline", "spec", "input", "externalInputs"), ([], [""], ["..."], ["a.b.c.d.e"], "x", None)),
        (("models",), (*_LISTS, [{"metadata": "x"}], [{"metadata": {}}], [], MISSING)),
        (("models", 0), (*_OBJECTS[:-1], {"metadata": "x"})),
        (("models", 0, "kind"), ("Pipeline", None, MISSING)),
        (("models", 0, "metadata"), _OBJECTS),
        (("models", 0, "metadata", "name"), (*_NAMES, "d", "other")),
        (("models", 0, "spec"), _OBJECTS),
        (("monitor",), ("x", 3, [], {}, {"metadata": {"name": "x"}})),
        (("monitor", "metadata"), _OBJECTS),
        (("monitor", "metadata", "name"), _NAMES),
        (("monitor", "spec"), _OBJECTS),
        (("monitor", "spec", "redact"), (*_LISTS,)),
        (("artifacts",), (None, "x", [], {}, {"m": {"uri": "", "digest": ""}}, {"m": None}, MISSING)),
        (("artifacts", "m"), (*_OBJECTS[:-1], MISSING)),
        (("artifacts", "m", "memory"), tuple(_NUMBERS[:-1])),
        (("artifacts", "other"), ({"uri": "", "digest": ""},)),
        (("topics",), (*_LISTS, [""], ["a b"], ["t" * 300], ["a\x00"], MISSING)),
        (("external_topic",), ("a b", "a,b=c", 3, None, "t" * 300)),
        (("epochs",), (None, "x", [], {"d": "1"}, {"d": -1}, {"d": 10**400}, {"D": 1}, {"": 1})),
        (("message",), (3, None, [])),
        (("pipeline", "spec", "output"), (json.loads("[" * 300 + "]" * 300),)),
    ],
    "model": [
        (("model",), (*_OBJECTS,)),
        (("model", "metadata"), (*_OBJECTS, {"name": "other"})),
        (("model", "kind"), ("Pipeline", None, MISSING)),
        (("model", "spec"), _OBJECTS),
        (("artifact",), _OBJECTS),
        (("artifact", "memory"), tuple(_NUMBERS[:-1])),
        (("artifact", "digest"), (None, 3, MISSING)),
    ],
    "worker": [
        *(((name,), _SECONDS) for name in ("started_at", "at", "processed_at")),
        (("subtask",), (*_NUMBERS, 1, 2)),
        (("subtasks",), (*_NUMBERS, 0)),
        (("job",), (3, None, "other", MISSING)),
        (("pipelines",), (None, "x", [], {"p": None}, {"P": {"generation": 1, "head": 1}}, MISSING)),
        (("pipelines", "p", "generation"), _NUMBERS),
        (("pipelines", "p", "head"), _NUMBERS),
        (("pipelines", "p", "failure"), (None, 3, [])),
    ],
    "event": [
        (("at",), _SECONDS),
        (("pipeline",), (*_NAMES, "q")),
        (("generation",), (*_NUMBERS, 2)),
        (("what",), ("Exploded", "", None, 3, MISSING)),
        (("why",), (None, 3, [])),
    ],
    "rates": [
        (("pipeline",), _NAMES),
        (("generation",), _NUMBERS),
        (("since",), (*_MOMENTS, "2026-01-01T00:00:10.000Z", "2026-01-01T00:00:11.000Z", "2020-01-01")),
        (("until",), (*_MOMENTS, "2026-01-01T00:00:00.000Z", "9000-01-01T00:00:00Z")),
        (("le",), ([], [1.0], [1e999], "x", None, [*BOUNDS[:-1], 11.0], MISSING)),
        (("tally",), _OBJECTS[:-2]),
        (("tally", "requests"), _NUMBERS[:-1]),
        (("tally", "failed"), _NUMBERS[:-1]),
        (("tally", "milliseconds"), (-1, 10**400, 1.5, "1", None)),
        (("tally", "buckets"), ([], [1], [0] * 12, [0] * 14, [-1] * 13, [1.5] * 13, [2**70] * 13, "x", None)),
        (("tally", "errors"), (None, "x", {"m": 3}, {"m": {"X": -1}}, {"m": {"X": 10**400}})),
        (("tally", "steps"), (None, "x", [], {"": {}}, {"M": {}}, {"m": None})),
        (("tally", "steps", "m", "buckets"), ([], [1], [0] * 14, [-1] * 13, None)),
        (("tally", "steps", "m", "outliers"), (-1, 2**64, 1.5, "x")),
        (("tally", "steps", "m", "rows"), (-1, 2**64, None)),
        (("tally", "steps", "m", "bad_values"), (None, [], {"age": 3}, {"age": {"missing": -1}})),
    ],
    "alert": [
        (("status",), ("burning", "", None, 3, MISSING)),
        (("labels",), (None, "x", [], {}, {"alertname": "A"}, {"pipeline": "p"}, {"alertname": 3}, MISSING)),
        (("labels", "alertname"), ("", None, 3, MISSING)),
        (("labels", "pipeline"), ("", None, 3, MISSING)),
        (("annotations",), (None, "x", [], {"summary": 3}, MISSING)),
        (("startsAt",), _MOMENTS),
        (("endsAt",), _MOMENTS),
        (("fingerprint",), ("", None, 3, MISSING)),
    ],
    "outlier": [
        (("pipeline",), _NAMES),
        (("generation",), _NUMBERS),
        (("timestamp",), (-2, 10**18, 10**400, 1.5, "x", None, MISSING)),
        (("partition",), _NUMBERS),
        (("offset",), _NUMBERS),
        (("row",), _NUMBERS),
        (("score",), ("x", [], MISSING)),
        (("threshold",), (None, "x", MISSING)),
        (("features",), (None, "x", [3], [{"column": 3}], [{"column": "a"}], MISSING)),
        (("detector",), (None, 3, MISSING)),
    ],
    "report": [
        (("outputs",), (None, "x", 3, [3], [{"name": "is_drift"}], [{"name": 3, "data": []}], MISSING)),
        (("outputs", 0, "data"), ([], [2], [-1], [0.5], ["1"], [True], [None], [[1]], [10**400], "1", None)),
        (("parameters", "pipeline"), _NAMES),
        (("parameters", "step"), _NAMES),
        (("parameters", "generation"), _NUMBERS),
        (("parameters", "window"), _NUMBERS),
        (("parameters", "n"), _NUMBERS),
        (("parameters", "state"), ("ODD", "", None, 3, [])),
        (("parameters", "closed_at"), _MOMENTS),
        (("parameters", "confirmed"), (None, "x", 3)),
        (("parameters", "ranked"), (None, "x", [3])),
        (("parameters", "features"), (None, "x", [3], [{"effect": 0.1}], [{"feature": "age"}], [{}])),
        (("parameters", "features", 0, "effect"), ("x", [], True)),
        (("parameters", "features", 0, "feature"), (None, 3, [], MISSING)),
        (("parameters", "features", 0, "drifted"), (None, "x", MISSING)),
        (("parameters", "histograms"), (None, "x", [3], [{}], [{"column": "age"}])),
        (("parameters", "histograms", 0, "window"), ([], [1.0], ["x"] * 3, None, MISSING)),
        (("parameters", "histograms", 0, "edges"), ([], [1.0], ["x", "y"], "x", MISSING)),
        (("parameters", "members"), (None, "x", [3], [{}], [{"topic": "t", "partition": "0"}])),
        (("parameters", "members", 0, "first_offset"), _NUMBERS),
        (("parameters", "members", 0, "topic"), (None, 3, [], MISSING)),
    ],
}

GOOD: dict[str, dict[str, Any]] = {
    "release": good_release(),
    "model": good_model(),
    "worker": good_worker(),
    "event": good_event(),
    "rates": good_rates(),
    "alert": good_alert(),
    "outlier": good_outlier(),
    "report": good_report(),
}
# Under which key a record of each kind is.
KEY_OF = {
    "release": b"release/p/1",
    "model": b"model/m",
    "worker": b"worker/weir.default/0",
    "event": b"event/p/1/Serving",
    "rates": b"p",
    "alert": b"00ff00ff00ff00ff",
    "outlier": b"p",
    "report": b"p/d",
}


def bad_values(kind: str) -> Iterator[tuple[str, bytes]]:
    """Yield values that are bad for a kind, each with what is wrong."""
    yield from VALUES.items()
    for path, instead in BAD[kind]:
        for one in instead:
            where = ".".join(map(str, path))
            what = "missing" if one is MISSING else json.dumps(one)[:40]
            yield f"{where} {what}", json.dumps(with_value(GOOD[kind], path, one)).encode()


def with_value(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """Return a document with another value at a path, or without it."""
    changed = deepcopy(document)
    place = changed
    for step in path[:-1]:
        place = place[step]
    if value is MISSING:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed


def paths(document: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value in a document."""
    if at:
        yield at
    inner: list[tuple[str | int, Any]] = []
    if isinstance(document, dict):
        inner = list(document.items())
    elif isinstance(document, list):
        inner = list(enumerate(document))
    for name, value in inner:
        yield from paths(value, (*at, name))
