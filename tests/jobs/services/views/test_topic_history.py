"""Records of the topics, and what becomes of them on the board, in pictures and in the report."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from detectors.drift.confirmation import Streak
from jobs.services.views import drift_charts, html_report, time_series
from jobs.services.views.table_rows import alert_rows, dead_letter_rows, outlier_rows
from jobs.services.views.theme import LOOKS, Theme
from jobs.services.views.topic_history import TopicHistory
from operators.alerts.finding import AlertKey, Finding
from operators.alerts.lifecycle import Lifecycle
from operators.control.release import Artifact, Release
from operators.core.redaction import HIDDEN, Redaction
from operators.core.timestamps import iso_milliseconds
from operators.inference.outlier_log import FeatureContribution, FlaggedRowRecord
from operators.kafka.topics import Topics
from operators.metrics.tally import BOUNDS, StepTally, Tally
from operators.models.runtimes.verdict_details import ColumnHistogram, DriftFeature
from operators.windows.rate_windows import Rates
from operators.windows.report import Window
from tests.builders.reports import REFERENCE, STEP, chunk, reported

TOPICS = Topics()
START = 1_700_000_000
PERIOD = (START, START + 60)
THEMES: list[Theme] = ["light", "dark"]
STEPS: list[dict[str, Any]] = [
    {"name": "prepare"},
    {"name": "o", "inputs": ["prepare"]},
    {"name": "d", "inputs": ["prepare"], "batch": {"size": 400}},
]


class Record(NamedTuple):
    value: bytes
    key: bytes = b"k"
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = START * 1000
    topic: str = "t"
    partition: int = 0
    offset: int = 0


def tally(requests: int, failed: int = 0, outliers: int = 0) -> Tally:
    buckets = [0] * len(BOUNDS) + [0]
    buckets[6] = requests
    done = StepTally(requests, 1, 1_000, list(buckets), outliers, {"age": {"missing": 2}})
    return Tally(requests, failed, 50 * requests, buckets, {}, {"o": done})


def rates(number: int, counts: Tally) -> bytes:
    since = (START + 10 * number) * 1000
    return Rates("p", 1, iso_milliseconds(since), iso_milliseconds(since + 10_000), BOUNDS, counts).encode()


def release() -> Release:
    pipeline = {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": "p"},
        "spec": {"steps": STEPS, "output": {"steps": ["o", "d.outputs.is_drift"]}},
    }
    names = [step["name"] for step in STEPS]
    return Release(
        name="p",
        generation=3,
        pipeline=pipeline,
        models=[],
        artifacts={name: Artifact(name, f"sha256:{name}") for name in names},
        topics=[],
        created_at="2026-01-02T03:04:05+00:00",
        created_by="ana",
        message="<b>first</b>",
    )


@pytest.fixture
def board() -> TopicHistory:
    board = TopicHistory(TOPICS, past=3_600)
    for number in range(6):
        board.add(TOPICS.rates, Record(rates(number, tally(100, failed=number, outliers=number))))
    for window, moved in ((1, 0.0), (2, 0.8)):
        body = msgspec.json.decode(reported(STEP, chunk(REFERENCE[:400] + np.array([moved, 0])), Streak()))
        body["parameters"] |= {"window": window, "closed_at": iso_milliseconds((START + window) * 1000)}
        board.add(TOPICS.model_outputs("d"), Record(msgspec.json.encode(body)))
    life = Lifecycle({"pipeline": "p", "job": "weir.default"}, 1e9, "")
    _, sent = life.update_alerts(
        [], {AlertKey("WeirDrift", "d"): Finding("warning", {"summary": "it moved"})}, START * 1000
    )
    board.add(TOPICS.alerts, Record(sent[0].alert.encode()))
    flagged = FlaggedRowRecord(
        "p", 1, "o", "t", 0, 7, START * 1000, 0, 0.9, 0.5, [FeatureContribution("age", 0.4, 99.0)], "sha256:x"
    )
    board.add(TOPICS.outliers, Record(flagged.encode()))
    headers = {
        "__connect.errors.topic": TOPICS.inputs("p"),
        "__connect.errors.partition": "1",
        "__connect.errors.offset": "42",
        "__connect.errors.exception.class.name": "BAD_REQUEST",
        "__connect.errors.exception.message": "<script>alert(1)</script>",
    }
    encoded = tuple((name, text.encode()) for name, text in headers.items())
    board.add(TOPICS.errors, Record(b"{}", headers=encoded))
    return board


def test_rates_are_put_together_in_spans_and_none_is_lost(board: TopicHistory) -> None:
    spans = board.spans("p", START, 20.0)
    assert [span.tally.requests for span in spans] == [200, 200, 200]
    assert [span.tally.failed for span in spans] == [1, 5, 9]
    assert {span.seconds for span in spans} == {20.0}
    assert [span.tally.requests for span in board.spans("p", START + 30, 10.0)] == [100, 100, 100]
    assert board.spans("q", 0, 10.0) == []
    latest = board.latest("p")
    assert latest is not None
    assert (latest.since, latest.until) == (START + 50, START + 60)
    late = board.spans("p", START + 15, 20.0)
    assert [(span.since, span.seconds) for span in late] == [(START + 20, 20.0), (START + 40, 20.0)]


def test_rates_of_long_ago_are_forgotten(board: TopicHistory) -> None:
    board.add(TOPICS.rates, Record(rates(365, tally(1))))
    assert board.spans("p", 0, 10.0)[0].since == START + 50
    assert board.request_count("p") == 601, "how many came is not"


def test_what_a_monitor_hides_is_hidden_in_earlier_records_too(board: TopicHistory) -> None:
    board._redaction_of = lambda pipeline: Redaction(["age"])
    assert "age" not in str([board.windows("p"), board.outliers("p"), board.spans("p", 0, 10.0)])
    assert board.dead_letters("p")[0].message == HIDDEN
    board._redaction_of = lambda pipeline: Redaction()
    assert "age" in str(board.windows("p"))
    assert (board.request_count("p"), board.request_count("q")) == (600, 0)


def test_what_is_not_ours_is_passed_over(board: TopicHistory) -> None:
    for topic in (TOPICS.rates, TOPICS.alerts, TOPICS.outliers, TOPICS.errors, TOPICS.model_outputs("d")):
        board.add(topic, Record(b"junk"))
        board.add(topic, Record(b"{}"))
    assert board.request_count("p") == 600
    assert len(board.windows("p")["d"]) == 2


def test_lists_hold_the_newest_first_and_belong_to_their_pipeline(board: TopicHistory) -> None:
    for offset in range(100):
        one = FlaggedRowRecord("p", 1, "o", "t", 0, offset, START * 1000 + 1, 0, 0.9, 0.5, [], "x")
        board.add(TOPICS.outliers, Record(one.encode()))
    offsets = [one.offset for one in board.outliers("p")]
    assert offsets[:100] == list(range(99, -1, -1))
    assert board.outliers("q") == board.dead_letters("q") == board.alerts("q") == []
    (letter,) = dead_letter_rows(board.dead_letters("p"))
    assert (letter["reason"], letter["request"]) == ("BAD_REQUEST", f"{TOPICS.inputs('p')}-1@42")
    (alert,) = alert_rows(board.firing("p"))
    assert (alert["alert"], alert["step"], alert["what"]) == ("WeirDrift", "d", "it moved")


def test_a_flagged_row_is_shown_with_its_reasons(board: TopicHistory) -> None:
    (row,) = outlier_rows(board.outliers("p"))
    assert row["because of"] == "age 99"
    assert row["score"] == "0.9 (above 0.5)"
    assert row["request"] == "t-0@7, row 0"


@pytest.mark.parametrize(
    ("culprit", "shown"),
    [
        (FeatureContribution("age", 1.0, 2.5, 72.6), "age 72.6"),
        (FeatureContribution("work=Private", 1.0, 0.0, "not Private"), "not work=Private"),
        (FeatureContribution("work=Private", 1.0, 1.0, "Private"), "work=Private"),
        (FeatureContribution("age", 1.0, 2.5), "age 2.5 (scaled)"),
        (FeatureContribution("age", 1.0, None), "age"),
    ],
)
def test_a_value_behind_a_preprocessor_is_shown_as_the_feature_has_it_or_as_scaled(
    culprit: FeatureContribution, shown: str
) -> None:
    flagged = FlaggedRowRecord("p", 1, "o", "t", 0, 7, START * 1000, 0, 0.9, 0.5, [culprit], "x")
    (row,) = outlier_rows([flagged], prepared={"o"})
    assert row["because of"] == shown


@pytest.mark.parametrize("theme", THEMES)
def test_the_heat_map_marks_what_drifted_in_shape_too(board: TopicHistory, theme: Theme) -> None:
    (heat,) = drift_charts.drift_heatmap(board.windows("p")["d"], theme).data
    assert list(heat.x) == [one.closed_at for one in board.windows("p")["d"]]
    assert sorted(heat.y) == ["age", "work"]
    age = list(heat.y).index("age")
    assert list(heat.text[age]) == ["", "▲"]
    assert heat.z[age][1] > 0.2 > heat.z[age][0]


def test_a_window_is_drawn_beside_the_reference_its_worst_feature_first(board: TopicHistory) -> None:
    figure = drift_charts.histograms(board.windows("p")["d"][1], "light")
    assert figure.layout.annotations[0].text.startswith("<b>age</b><br>effect 0.")
    assert figure.layout.annotations[0].text.endswith("▲ drift")
    reference, window = figure.data[:2]
    assert (reference.name, window.name) == ("reference", "window")
    assert sum(reference.x) == pytest.approx(100, abs=0.1)
    assert reference.marker.pattern.shape != window.marker.pattern.shape


PREPARED = {"column": "age", "edges": [-1.58, 0.2], "reference": [0.5, 0.3, 0.2], "window": [0.1, 0.3, 0.6]}
CODES = {"column": "work=Private", "categories": ["0", "1"], "reference": [0.7, 0.3, 0], "window": [1, 0, 0]}


def pictured(*histograms: dict[str, Any], prepared: bool = True) -> Any:
    columns = [one["column"] for one in histograms]
    window = Window(
        "p",
        "d",
        1,
        1,
        "OK",
        400,
        iso_milliseconds(START),
        drift=[DriftFeature(column=one, feature=one, effect=0.1, drifted=False) for one in columns],
        histograms=msgspec.convert(list(histograms), list[ColumnHistogram]),
    )
    return drift_charts.histograms(window, "light", prepared=prepared)


def bins(figure: Any, row: int = 1) -> list[str]:
    return list(figure.layout["yaxis" if row == 1 else f"yaxis{row}"].ticktext)


def test_bins_are_shown_in_the_features_own_values_where_they_are_known() -> None:
    figure = pictured(PREPARED | {"raw": [17, 41.5]}, CODES | {"raw": ["not Private", "Private"]})
    assert bins(figure) == ["≤ 17", "≤ 41.5", "&gt; 41.5"]
    assert bins(figure, 2) == ["not Private", "Private"]
    assert not any("scaled" in one.text for one in figure.layout.annotations)


def test_prepared_numbers_whose_origin_is_not_known_are_called_scaled() -> None:
    numbers, codes = pictured(PREPARED, CODES).layout.annotations
    assert numbers.text.startswith("<b>age</b>, scaled<br>")
    assert "scaled" not in codes.text, "a category has no scale"
    assert bins(pictured(PREPARED)) == ["≤ -1.58", "≤ 0.2", "&gt; 0.2"]
    assert "scaled" not in pictured(PREPARED, prepared=False).layout.annotations[0].text


def test_names_cannot_be_markup_and_bins_that_look_alike_stay_apart() -> None:
    odd = PREPARED | {"column": "<b>x</b>", "edges": [1_700_000_000, 1_700_000_001]}
    figure = pictured(odd)
    assert figure.layout.annotations[0].text.startswith("<b>&lt;b&gt;x&lt;/b&gt;</b>")
    assert bins(figure) == ["≤ 1700000000", "≤ 1700000001", "&gt; 1700000001"]


def without_values(insufficient: bool) -> list[Window]:
    """A window without any value of age, as it is reported now and as it was before."""
    rows = REFERENCE[:400].copy()
    rows[:, 0] = np.nan
    body = msgspec.json.decode(reported(STEP, chunk(rows), Streak()))
    board = TopicHistory(TOPICS, past=3_600)
    if not insufficient:
        body["parameters"]["state"] = "OK"
        for one in body["parameters"]["features"]:
            del one["insufficient"]
    board.add(TOPICS.model_outputs("d"), Record(msgspec.json.encode(body)))
    return board.windows("p")["d"]


@pytest.mark.parametrize("insufficient", [True, False])
@pytest.mark.parametrize("theme", THEMES)
def test_a_feature_without_values_has_a_question_mark_and_no_colour(theme: Theme, insufficient: bool) -> None:
    (window,) = without_values(insufficient)
    heat, unknown = drift_charts.drift_heatmap([window], theme).data
    age = list(heat.y).index("age")
    assert heat.z[age][0] is None
    assert (list(unknown.x), list(unknown.y), list(unknown.text)) == ([window.closed_at], ["age"], ["?"])
    assert "0 of 400 values, too few to judge" in unknown.customdata[0]
    titles = [one.text for one in drift_charts.histograms(window, theme).layout.annotations]
    assert "<b>age</b><br>0 of 400 values, too few to judge" in titles
    assert window.state == ("INSUFFICIENT_DATA" if insufficient else "OK")


def test_lines_are_what_was_published(board: TopicHistory) -> None:
    spans = board.spans("p", START, 10.0)
    answered, failed = time_series.requests(spans, PERIOD, "light").data
    assert list(answered.y) == pytest.approx([10.0, 9.9, 9.8, 9.7, 9.6, 9.5])
    assert list(failed.y) == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    half, most = time_series.latency(spans, PERIOD, "light").data
    assert all(50 < value <= 100 for value in half.y)
    assert all(99 <= value <= 100 for value in most.y)
    (shares,) = time_series.outliers(spans, PERIOD, "light").data
    assert list(shares.y) == [0, 1, 2, 3, 4, 5]
    (bars,) = time_series.bad_values(spans, "light").data
    assert (list(bars.y), list(bars.x)) == (["age"], [12])


def test_a_line_is_broken_where_nothing_was_published(board: TopicHistory) -> None:
    for number in (20, 21):
        board.add(TOPICS.rates, Record(rates(number, tally(100))))
    answered = time_series.requests(board.spans("p", START, 10.0), PERIOD, "light").data[0]
    assert list(answered.y).index(None) == 6
    assert len(answered.x) == len(answered.y) == 9


def test_a_window_without_a_verdict_has_no_mark(board: TopicHistory) -> None:
    few = [msgspec.structs.replace(one, state="INSUFFICIENT_DATA") for one in board.windows("p")["d"]]
    (heat,) = drift_charts.drift_heatmap(few, "light").data
    assert not any("▲" in row for row in heat.text)
    assert "▲" not in drift_charts.histograms(few[1], "light").layout.annotations[0].text


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_is_drawn_as_nothing_in_words(theme: Theme) -> None:
    for figure in (
        time_series.requests([], PERIOD, theme),
        time_series.latency([], PERIOD, theme),
        time_series.outliers([], PERIOD, theme),
        time_series.bad_values([], theme),
        drift_charts.drift_heatmap([], theme),
    ):
        assert figure.layout.annotations[0].text
        assert figure.layout.annotations[0].font.color == LOOKS[theme].faint


def test_the_report_holds_everything_and_needs_nothing_else(board: TopicHistory) -> None:
    page = html_report.write(release(), [release()], board, START, START + 60)
    assert "600 requests, 15 failed" in page
    assert "Drift: d" in page
    assert "d, window 2: DRIFT" in page
    assert page.count("<script>alert(1)</script>") == 0
    without_scripts = re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"(?:src|href)=", without_scripts)
    assert "&lt;b&gt;first&lt;/b&gt;" in page
    assert page.count("plotly.js v") == 1, "the library is in it once"


def _contrast(one: str, other: str) -> float:
    """WCAG 2.1's contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(("theme", "ground"), [("light", "#ffffff"), ("dark", "#14181c")])
def test_words_and_lines_stand_out_from_their_ground(theme: Theme, ground: str) -> None:
    look = LOOKS[theme]
    assert _contrast(look.ink, ground) > 7
    assert _contrast(look.faint, ground) > 4.5
    assert _contrast(look.ink, look.box) > 7
    assert _contrast(look.accent, ground) > 3
    assert _contrast(look.warning, ground) > 3
    assert _contrast(look.mark, look.scale[-1][1]) > 3, "a mark on the cell that moved most"
