"""Bad records on the topics that commands, gateway, page and bridge read: their neighbours count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.kafka.firing_alerts import firing, read_records
from jobs.kafka.request_rate import rows_of
from jobs.models.retraining.selection import Span, Spans, drifts_in
from jobs.services.alert_bridge.receiver_urls import parse_headers, parse_url
from jobs.services.alert_bridge.receivers import (
    Receiver,
    RefusedError,
    UnreachableError,
    webhook,
)
from jobs.services.views import drift_charts, time_series
from jobs.services.views.table_rows import alert_rows, dead_letter_rows, outlier_rows
from jobs.services.views.topic_history import TopicHistory
from jobs.traffic.inspect.expression import Target
from jobs.traffic.inspect.readable_records import parse_condition, show
from operators.alerts.alert import read_alert
from operators.core.errors import DeploymentError
from operators.core.redaction import Redaction
from operators.kafka.topics import Topics
from tests.corpus.records import (
    GOOD,
    VALUES,
    Record,
    bad_values,
    good_alert,
    good_outlier,
    good_rates,
    good_report,
    nested,
)
from tests.operators.control.test_bad_records import changed, encoded

TOPICS = Topics()
TOPIC_OF = {
    "rates": TOPICS.rates,
    "alert": TOPICS.alerts,
    "outlier": TOPICS.outliers,
    "report": TOPICS.model_outputs("d"),
}
PERIOD = (0.0, 4e9)
BAD = [(kind, name, value) for kind in TOPIC_OF for name, value in bad_values(kind)]
HEADERS = {
    "__connect.errors.topic": TOPICS.inputs("good"),
    "__connect.errors.partition": "1",
    "__connect.errors.offset": "42",
    "__connect.errors.exception.class.name": "BAD_REQUEST",
    "__connect.errors.exception.message": "odd",
}


def of_pipeline(kind: str, name: str) -> bytes:
    value = json.loads(json.dumps(GOOD[kind]))
    inner = {"alert": "labels", "report": "parameters"}.get(kind)
    (value[inner] if inner else value)["pipeline"] = name
    if kind == "alert":
        value["fingerprint"] = name
    return encoded(value)


def put_good(board: TopicHistory) -> None:
    for kind, topic in TOPIC_OF.items():
        assert board.add(topic, Record(b"k", of_pipeline(kind, "good"), topic)) is None
    headers = tuple((name, text.encode()) for name, text in HEADERS.items())
    assert board.add(TOPICS.errors, Record(b"k", b"{}", TOPICS.errors, headers=headers)) is None


def assert_shown(board: TopicHistory, pipeline: str, times: int) -> None:
    """A pipeline's own records are there."""
    spans = board.spans(pipeline, 0.0, 10.0)
    assert sum(one.tally.requests for one in spans) == times
    assert len(board.windows(pipeline)["d"]) == times
    assert len(board.alerts(pipeline)) == times
    assert len(board.firing(pipeline)) == 1
    assert len(board.outliers(pipeline)) == times
    assert len(board.dead_letters(pipeline)) == times


def draw(board: TopicHistory, pipeline: str) -> None:
    spans = board.spans(pipeline, 0.0, 10.0)
    for picture in (time_series.requests, time_series.latency, time_series.outliers):
        picture(spans, PERIOD, "light")
    time_series.bad_values(spans, "light")
    for windows in board.windows(pipeline).values():
        drift_charts.drift_heatmap(windows, "light")
        for one in windows:
            drift_charts.histograms(one, "light")
    alert_rows(board.alerts(pipeline))
    outlier_rows(board.outliers(pipeline))
    dead_letter_rows(board.dead_letters(pipeline))


@pytest.mark.parametrize(
    ("kind", "value"),
    [(kind, value) for kind, _, value in BAD],
    ids=[f"{kind}: {name}" for kind, name, _ in BAD],
)
def test_a_page_skips_and_names_a_bad_record_and_shows_its_neighbours(kind: str, value: bytes) -> None:
    board = TopicHistory(TOPICS, past=1e10)
    put_good(board)
    skipped = board.add(TOPIC_OF[kind], Record(b"k", value, TOPIC_OF[kind], 0, 17))
    put_good(board)
    if kind == "report" and skipped is None:
        pytest.fail("a bad report is neither shown nor skipped")
    assert skipped is not None
    assert board.skipped() == (1, skipped)
    assert skipped.place == f"{TOPIC_OF[kind]}-0@17"
    assert_shown(board, "good", 2)


@settings(max_examples=30)
@given(st.sampled_from(list(TOPIC_OF)).flatmap(lambda kind: st.tuples(st.just(kind), changed(kind))))
def test_whatever_a_page_reads_its_neighbours_are_shown(case: tuple[str, bytes]) -> None:
    kind, value = case
    board = TopicHistory(TOPICS, past=1e10, redaction_of=lambda pipeline: Redaction(["age"]))
    put_good(board)
    board.add(TOPIC_OF[kind], Record(b"k", value, TOPIC_OF[kind]))
    put_good(board)
    assert_shown(board, "good", 2)
    draw(board, "good")
    draw(board, "p")


@pytest.mark.parametrize("missing", list(HEADERS))
@pytest.mark.parametrize("value", [None, *list(VALUES.values())[:5]])
def test_a_page_skips_a_dead_letter_without_its_headers(missing: str, value: bytes | None) -> None:
    board = TopicHistory(TOPICS, past=1e10)
    kept = tuple((name, text.encode()) for name, text in HEADERS.items() if name != missing)
    skipped = board.add(TOPICS.errors, Record(None, value, headers=kept))
    assert skipped is not None
    assert missing in skipped.reason
    put_good(board)
    assert_shown(board, "good", 1)


@pytest.mark.parametrize("timestamp", [-1, 2**62])
def test_a_dead_letter_of_no_time_does_not_stop_the_page(timestamp: int) -> None:
    board = TopicHistory(TOPICS, past=1e10)
    headers = tuple((name, text.encode()) for name, text in HEADERS.items())
    board.add(TOPICS.errors, Record(b"\xff", b"", headers=headers, timestamp=timestamp))
    put_good(board)
    draw(board, "good")


def test_rates_of_the_future_do_not_push_out_those_of_the_past() -> None:
    board = TopicHistory(TOPICS, past=3_600)
    good = good_rates()
    board.add(TOPICS.rates, Record(b"p", encoded(good)))
    future = {**good, "since": "9000-01-01T00:00:00Z", "until": "9000-01-01T00:00:10Z"}
    assert board.add(TOPICS.rates, Record(b"p", encoded(future))) is not None
    assert sum(one.tally.requests for one in board.spans("p", 0.0, 10.0)) == 1


@pytest.mark.parametrize("value", [None, *(value for _, value in bad_values("alert"))])
def test_a_bad_alert_is_skipped_and_named_and_the_others_fire(value: bytes | None) -> None:
    good = [Record(b"k", of_pipeline("alert", name)) for name in ("first", "last")]
    read = read_records([good[0], Record(b"k", value, "alerts", 0, 5), good[1]])
    assert [one.labels["pipeline"] for one in read.alerts] == ["first", "last"]
    assert [one.place for one in read.skipped] == ["alerts-0@5"]
    assert {one.labels["pipeline"] for one in firing(read.alerts)} == {"first", "last"}


@given(changed("alert"))
def test_whatever_is_among_the_alerts_the_others_fire(value: bytes) -> None:
    read = read_records([Record(b"k", value), Record(b"k", of_pipeline("alert", "last"))])
    assert "last" in {one.labels["pipeline"] for one in firing(read.alerts)}
    for alert in read.alerts:
        for receiver in (webhook("http://localhost:1", {}),):
            assert json.dumps(receiver.body(alert))


@pytest.mark.parametrize("value", [None, *(value for _, value in bad_values("report"))])
def test_a_bad_report_is_skipped_and_listed_and_other_windows_are_left_out(value: bytes | None) -> None:
    good = Record(b"p/d", encoded(good_report()))
    windows, skipped = drifts_in([good, Record(b"p/d", value), good], "p")
    assert windows == [[Span("t", 0, 3, 12)]] * 2
    assert len(skipped) == 1


@given(changed("report"))
def test_whatever_is_among_the_reports_windows_can_be_looked_up(value: bytes) -> None:
    windows, _ = drifts_in([Record(b"p/d", encoded(good_report())), Record(b"p/d", value)], "p")
    assert Spans(span for window in windows for span in window).contain(Record(b"", b"", "t", 0, 5))


@pytest.mark.parametrize("value", [None, *VALUES.values()], ids=["no value", *VALUES])
def test_a_bad_request_counts_no_rows_and_the_others_do(value: bytes | None) -> None:
    tensor = {"name": "x", "shape": [2, 1], "datatype": "FP64", "data": [1, 2]}
    good = Record(b"k", encoded({"inputs": [tensor]}))
    assert rows_of([good, Record(b"k", value), good]) == 4


TARGETS = [
    Target("p", "", "outputs", "", TOPICS.outputs("p")),
    Target("p", "d", "outputs", "is_drift", TOPICS.model_outputs("d")),
    Target("p", "", "errors", "", TOPICS.errors),
]
SHOWN = [*VALUES.values(), *(encoded(one) for one in GOOD.values())]
ODD_HEADERS: list[tuple[tuple[str, bytes | None], ...]] = [
    (),
    (("pipeline", None),),
    (("pipeline", b"\xff"), ("seldon-infer-type", b"\xff")),
    tuple((name, "²".encode()) for name in HEADERS),
    tuple((name, b"9" * 10_000) for name in HEADERS),
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("headers", ODD_HEADERS)
@pytest.mark.parametrize("timestamp", [-1, 1_700_000_000_000, 2**62])
def test_any_record_can_be_inspected(
    target: Target, headers: tuple[tuple[str, bytes | None], ...], timestamp: int
) -> None:
    conditions = [parse_condition(text) for text in ("is_drift=1", "state=DRIFT", "age>3", "0=x")]
    more = [
        encoded({"outputs": [], "parameters": one}) for one in (3, "state", ["state"], None, {"state": 1})
    ]
    for value in (None, *SHOWN, *more):
        shown = show(Record(b"\xff", value, headers=headers, timestamp=timestamp), target)
        assert json.loads(shown.json(target.tensor))
        assert shown.line(target.tensor)
        assert shown.pipeline is not None
        shown.request_id  # noqa: B018
        assert not any(condition.holds(shown) for condition in conditions[2:])


@pytest.mark.parametrize("text", ["x=" + "[" * 100_000, "x=" + "9" * 10_000, "x=NaN", "x=1e999", "x=\ud800"])
def test_a_condition_that_is_no_json_is_compared_as_text(text: str) -> None:
    assert parse_condition(text).value == text.removeprefix("x=")


class Answers(BaseHTTPRequestHandler):
    """Takes what comes."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *given: object) -> None: ...


@pytest.fixture
def server() -> Iterator[str]:
    running = HTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()
    running.server_close()


def test_an_alert_that_cannot_be_written_is_refused_and_the_next_is_delivered(server: str) -> None:
    def body(alert: Any) -> Any:
        return {"labels": {"odd": object()}} if alert.fingerprint == "odd" else alert

    receiver = Receiver(parse_url("--webhook", server, {}), body)
    with pytest.raises(RefusedError):
        receiver.deliver(read_alert(encoded({**good_alert(), "fingerprint": "odd"})))
    receiver.deliver(read_alert(encoded(good_alert())))


def test_a_header_that_http_does_not_take_loses_no_alert(server: str) -> None:
    with pytest.raises(UnreachableError):
        webhook(server, {"X": "a\nb"}).deliver(read_alert(encoded(good_alert())))


@pytest.mark.parametrize(
    "header", ["X Y: a", "X(: a", "X: a\x00b", "X: a\x7fb", "X\u00e9: b", "X: \u2028", "X: \ud800"]
)
def test_a_header_that_http_does_not_take_is_refused_at_once(header: str) -> None:
    with pytest.raises(DeploymentError, match="characters that HTTP does not allow"):
        parse_headers([header])


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://x", "http://", "http://[", "http://x:99999", "http://a b", "http://é"]
)
def test_a_url_that_nobody_can_be_reached_at_is_refused_at_once(url: str) -> None:
    with pytest.raises(DeploymentError, match="is not a valid http or https URL"):
        webhook(url, {})


def test_the_deepest_record_that_is_taken_can_be_flattened() -> None:
    tensor = {"name": "x", "data": json.loads(nested(b"[", b"]", 90))}
    shown = show(Record(b"k", encoded({"outputs": [tensor]})), TARGETS[0])
    assert not parse_condition("x=1").holds(shown)


def test_an_outlier_of_the_corpus_is_shown() -> None:
    board = TopicHistory(TOPICS, past=1e10)
    assert board.add(TOPICS.outliers, Record(b"p", encoded(good_outlier()))) is None
    assert outlier_rows(board.outliers("p"))[0]["because of"] == "age 99"
