"""Targets: requests, HTTP bodies, and what the job's topics and state contain."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import msgspec
from hypothesis import strategies as st

from jobs.services.gateway.binary_tensors import without_binary
from jobs.services.gateway.content_codings import (
    CorruptBodyError,
    LongBodyError,
    UnsupportedCodingError,
    decode_body,
    parse_codings,
)
from operators.alerts.alert import read_alert
from operators.alerts.lifecycle import decode_active
from operators.control.control_state import ControlState
from operators.control.status import StatusState
from operators.core.errors import MalformedError, RecordError
from operators.inference.outlier_log import read_flagged_row
from operators.metrics.pipeline_tally import PipelineTally, decode_tally
from operators.metrics.tally import StepTally, Tally
from operators.protocol.decode import decode_request
from operators.rows.chunks import SubtaskId
from operators.rows.counted_rows import CountedRows
from operators.rows.pane import decode_pane
from operators.storage.http_index import HttpIndexError, linked_names
from operators.windows.messages import decode_rows, key_of
from operators.windows.rate_windows import read_rates
from operators.windows.report import read_report
from operators.windows.superseded import decode_superseded
from operators.windows.window import OpenWindow, decode_window
from tests.corpus.payloads import CASES, JSON_TYPE, PROTO_TYPE, good, good_proto
from tests.corpus.records import GOOD, KEY_OF, KEYS, Record
from tests.fuzz.bounds import Target
from tests.fuzz.inputs import edited, of_json, with_header
from tests.operators.rows.test_chunks import chunk
from tests.operators.rows.test_pane import pane
from tests.operators.storage.test_http_index import APACHE, NGINX, OTHERS

_MOST = 1_000_000
_SHORT_CASES = [case.value for case in CASES.values() if len(case.value) < 5_000]
_PROTO = [good_proto(), good_proto(raw=True), *(value for value in _SHORT_CASES if value[:1] not in b"{[ ")]
_BODIES = [good(), *(encode(good()) for encode in (gzip.compress, zlib.compress))]
_BOMBS = [zlib.compress(bytes(2**24), 9), zlib.compress(bytes(84)), b""]
_CHUNK = ["p", "d", 1, 1, False, [0, 1], "<f8", [2, 3], ["t"]]
_PANE = ["p", "d", 1, [["t", 0, 1, 1, 1]], 0, 0, [[2, 0], [1, 1]]]
_COUNTED = CountedRows(1, SubtaskId(0, 2), pane(0, 9)).encode()
_WINDOW = OpenWindow(1, 2, 3).encode()


def _request(infer_type: str | None, response: bool = False) -> Any:
    return lambda body: decode_request(body, infer_type, response=response)


def _binary(value: tuple[bytes, int]) -> object:
    return without_binary(value[0], str(value[1]), _MOST)


def _coded(value: tuple[str, bytes]) -> object:
    decoded = decode_body(value[1], parse_codings(value[0]), _MOST)
    assert len(decoded) <= _MOST
    return decoded


def _topic(state: Any) -> Any:
    """Read a record among others: it is skipped and reported, whatever it is."""
    return lambda value: [state.read(Record(*value)), repr(state)]


def _tally() -> bytes:
    return PipelineTally("p", 1, Tally(1, 1, steps={"d": StepTally(1)})).encode()


REQUESTS = {
    "JSON requests": Target(
        of_json(msgspec.json.decode(good())) | edited(_SHORT_CASES), _request(JSON_TYPE), (RecordError,)
    ),
    "JSON responses": Target(
        of_json({"model_name": "m", "outputs": msgspec.json.decode(good())["inputs"]}),
        _request("json/inferModelResponse", response=True),
        (RecordError,),
    ),
    "protobuf requests": Target(edited(_PROTO), _request(PROTO_TYPE), (RecordError,)),
    "protobuf responses": Target(
        edited(_PROTO), _request("proto/InferModelResponse", response=True), (RecordError,)
    ),
    "requests without a type": Target(edited([good(), *_PROTO]), _request(None), (RecordError,)),
    "HTTP bodies with binary tensors": Target(
        st.tuples(edited([good() + bytes(96)]), st.integers(0, 400)),
        _binary,
        (ValueError, LongBodyError),
    ),
    "HTTP bodies with codings": Target(
        st.tuples(
            st.sampled_from(["gzip", "deflate", "gzip, deflate", "deflate, gzip, gzip", "", "br"])
            | st.text(max_size=8),
            edited([*_BODIES, _BOMBS[0], gzip.compress(_BOMBS[0])]),
        ),
        _coded,
        (CorruptBodyError, LongBodyError, UnsupportedCodingError),
    ),
    "index pages": Target(
        edited([page.encode() for page in (APACHE, NGINX, OTHERS)]),
        lambda page: linked_names("http://host/models/income/", page.decode("utf-8", "replace")),
        (HttpIndexError,),
    ),
}
ROWS = {
    "chunks": Target(with_header(3, _CHUNK, _BOMBS), decode_rows, (ValueError,)),
    "bytes of chunks": Target(edited([chunk(3).encode(), _COUNTED, _tally()]), decode_rows, (ValueError,)),
    "keys of messages": Target(edited([chunk(3).encode(), _COUNTED, _tally()]), key_of, (ValueError,)),
    "panes": Target(
        with_header(1, _PANE, _BOMBS) | edited([pane(0, 9).encode()]), decode_pane, (ValueError,)
    ),
    "tallies": Target(edited([_tally()]), decode_tally, (ValueError,)),
    "open windows": Target(edited([_WINDOW]), decode_window, (ValueError,)),
    "other state": Target(
        edited([b"\x01" + msgspec.msgpack.encode(value) for value in ([], [1, 2, ["p", "d", 1, [], 0, 0]])]),
        lambda data: [decode_active(data), decode_superseded(data)],
        (ValueError,),
    ),
}
RECORDS = {
    "control records": Target(
        st.tuples(
            st.sampled_from([*KEYS.values(), *KEY_OF.values(), b"head/p", b"tap/p", b"quarantine/p"]),
            st.none() | of_json(GOOD["release"], GOOD["model"], {"generation": 1}, {"until": 5}),
        ),
        _topic(ControlState.empty()),
    ),
    "status records": Target(
        st.tuples(
            st.sampled_from([*KEYS.values(), KEY_OF["worker"], KEY_OF["event"]]),
            st.none() | of_json(GOOD["worker"], GOOD["event"]),
        ),
        _topic(StatusState.empty()),
    ),
    "reports": Target(of_json(GOOD["report"]), read_report, (MalformedError,)),
    "alerts": Target(of_json(GOOD["alert"]), read_alert, (MalformedError,)),
    "rates": Target(of_json(GOOD["rates"]), read_rates, (MalformedError,)),
    "flagged rows": Target(of_json(GOOD["outlier"]), read_flagged_row, (MalformedError,)),
}
