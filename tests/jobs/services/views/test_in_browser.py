"""Pages as Chromium draws them, wide and narrow, light and dark: nothing lies on anything else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import plotly.io
import pytest

from detectors.drift.confirmation import Streak
from detectors.drift.tabular import TabularDrift
from jobs.services.views import drift_charts, html_report, pipeline_graph, time_series
from jobs.services.views.theme import Theme
from jobs.services.views.topic_history import TopicHistory
from operators.control.release import Release
from operators.core.timestamps import iso_milliseconds
from operators.kafka.topics import Topics
from operators.metrics.tally import BOUNDS, StepTally, Tally
from operators.models.column_origins import Origin
from operators.models.feature_rows import FeatureRows
from operators.models.runtimes.drift import DriftModel
from operators.windows.rate_windows import Rates
from tests.builders.reports import chunk, reported
from tests.jobs.services.views.pipelines import OUTPUTS, PIPELINES, release_of
from tests.jobs.services.views.test_topic_history import Record
from tests.support.browser import Browser, browser

TOPICS = Topics()
START = 1_700_000_000
RNG = np.random.default_rng(0)
GROUNDS: dict[Theme, str] = {"light": "#ffffff", "dark": "#14181c"}
WORDS = [
    "Married-civ-spouse",
    "Never-married",
    "Married-AF-spouse",
    "Divorced",
    "an unusually long marital status",
]
COLUMNS = [
    "age",
    "marital-status",
    "hours-per-week",
    "amount_of_all_transactions_of_the_last_ninety_days",
    "workclass=Private",
    "gone",
]
ORIGINS = {"age": Origin(13.6, 38.6), "workclass=Private": Origin(category="Private")}


def people(n: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.column_stack(
        [
            RNG.normal(size=n),
            RNG.integers(0, len(WORDS), n),
            RNG.integers(0, 99, n),
            RNG.lognormal(8, 2, n),
            RNG.integers(0, 2, n),
            RNG.normal(size=n),
        ]
    )


STEP = DriftModel(
    TabularDrift(people(5_000), categories_per_feature={1: None, 4: None}),
    COLUMNS,
    [name.partition("=")[0] for name in COLUMNS],
    FeatureRows(len(COLUMNS), COLUMNS, {"marital-status": WORDS}),
    origins=ORIGINS,
)


def board_of(release: Release) -> TopicHistory:
    """Fill a board as a day of a job does: rates of every step, windows of each drift detector."""
    board = TopicHistory(TOPICS, past=100_000)
    steps = [step["name"] for step in release.pipeline["spec"]["steps"]]
    for number in range(60):
        buckets = RNG.integers(0, 40, len(BOUNDS) + 1).tolist()
        bad = {name: {"missing": 3, "out_of_range": 1, "unseen": 2} for name in COLUMNS}
        done = {
            name: StepTally(500, 3, 9_000, list(buckets), int(RNG.integers(0, 30)), bad) for name in steps
        }
        tally = Tally(500, int(RNG.integers(0, 5)), 9_000, buckets, {}, done)
        since = (START + 10 * number) * 1000
        board.add(
            TOPICS.rates,
            Record(
                Rates(
                    "p", 1, iso_milliseconds(since), iso_milliseconds(since + 10_000), BOUNDS, tally
                ).encode()
            ),
        )
    for step in (name for name in steps if "drift" in name):
        for window in range(1, 31):
            rows = people(400)
            if window > 25:
                rows[:, 0] += 1
                rows[:120, 1] = 0
            if window > 20:
                rows[:, 5] = np.nan
            body = msgspec.json.decode(reported(STEP, chunk(rows), Streak()))
            body["parameters"] |= {
                "step": step,
                "window": 900 + window,
                "closed_at": iso_milliseconds((START + 20 * window) * 1000),
            }
            board.add(TOPICS.model_outputs(step), Record(msgspec.json.encode(body)))
    return board


@cache
def page_of(name: str, theme: Theme) -> str:
    """Write the report; in the dark, the same pictures as the live page draws them."""
    release = release_of(PIPELINES[name], OUTPUTS[name])
    board, end = board_of(release), START + 600
    if theme == "light":
        return html_report.write(release, [release], board, START, end)
    spans, period = board.spans("p", START, 10.0), (float(START), float(end))
    latest = board.latest("p")
    figures = [
        pipeline_graph.picture(release, latest, theme),
        time_series.requests(spans, period, theme),
        time_series.latency(spans, period, theme),
        time_series.outliers(spans, period, theme),
        time_series.bad_values(spans, theme),
    ]
    for windows in board.windows("p").values():
        figures += [
            drift_charts.drift_heatmap(windows, theme),
            drift_charts.histograms(windows[-1], theme, prepared=True),
        ]
    config = {"displayModeBar": False, "responsive": True}
    drawn = [
        plotly.io.to_html(one, include_plotlyjs=i == 0, full_html=False, config=config)
        for i, one in enumerate(figures)
    ]
    least = ["40rem" if one.data[0].type == "heatmap" else "0" for one in figures]
    wrapped = [
        f'<div style="overflow-x: auto"><div style="min-width: {width}">{one}</div></div>'
        for one, width in zip(drawn, least, strict=True)
    ]
    return (
        '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<body style="background: {GROUNDS[theme]}; font-family: system-ui, sans-serif">' + "".join(wrapped)
    )


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as page:
        yield page


_PARTS = """
const kinds = {legend: '.legend', title: '.infolayer [class*=title] text', annotation: '.annotation-text',
               tick: '[class*=tick] text'};
// What is turned by a right angle is as large as its box, what is turned by less is not.
const turned = one => /rotate\\((?!0|-?90)/.test(one.getAttribute('transform') || '');
return [...document.querySelectorAll('.js-plotly-plot')].map(plot => {
  const edge = plot.querySelector('.main-svg').getBoundingClientRect();
  const found = [];
  for (const [kind, selector] of Object.entries(kinds))
    for (const one of plot.querySelectorAll(selector)) {
      const box = one.getBoundingClientRect();
      const [x0, x1] = [box.left - edge.left, box.right - edge.left];
      const [y0, y1] = [box.top - edge.top, box.bottom - edge.top];
      if (box.width) found.push({kind, text: one.textContent, turned: turned(one), x0, x1, y0, y1});
    }
  return {width: edge.width, height: edge.height, found};
});
"""
_GRAPH = """
const plot = document.querySelector('.js-plotly-plot');
const paths = [...plot.querySelectorAll('.shapelayer path')];
const boxes = paths.filter(one => one.getAttribute('d').includes('H')).map(one => one.getBBox());
const edges = paths.filter(one => one.getAttribute('d').includes('C')).map(one => {
  const length = one.getTotalLength();
  return Array.from({length: 400}, (_, i) => one.getPointAtLength(length * i / 399)).map(at => [at.x, at.y]);
});
const edge = plot.querySelector('.main-svg').getBoundingClientRect();
const texts = [...plot.querySelectorAll('.annotation-text')].map(one => {
  const {left, top, width, height} = one.getBoundingClientRect();
  return {text: one.textContent, x: left - edge.left, y: top - edge.top, width, height};
});
const plain = ({x, y, width, height}) => ({x, y, width, height});
return {boxes: boxes.map(plain), edges, texts};
"""


def overlap(one: Any, other: Any) -> bool:
    across = min(one["x1"], other["x1"]) - max(one["x0"], other["x0"])
    down = min(one["y1"], other["y1"]) - max(one["y0"], other["y0"])
    return bool(across > 1 and down > 1)


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PIPELINES)
def test_nothing_lies_on_anything_else(
    chromium: Browser, tmp_path: Path, name: str, width: int, theme: Theme
) -> None:
    path = tmp_path / "page.html"
    path.write_text(page_of(name, theme), "utf-8")
    chromium.open(path.as_uri(), width, 2_000)
    chromium.until(
        lambda: chromium.script("return document.querySelectorAll('.main-svg').length"), "pictures"
    )
    plots = chromium.script(_PARTS)
    assert len(plots) >= 7
    for plot in plots:
        for one in plot["found"]:
            inside = one["x0"] >= -1 and one["x1"] <= plot["width"] + 1
            inside = inside and one["y0"] >= -1 and one["y1"] <= plot["height"] + 1
            assert inside, f"{one} is cut off, of {plot['width']} x {plot['height']}"
        for one, other in combinations(plot["found"], 2):
            turned = one["kind"] == other["kind"] == "tick" and (one["turned"] or other["turned"])
            assert turned or not overlap(one, other), f"{one} lies on {other}"
    assert chromium.script("return document.documentElement.scrollWidth") <= width
    assert_graph(chromium.script(_GRAPH), len(PIPELINES[name]) + 2)
    assert chromium.errors() == []


def assert_graph(drawn: Any, nodes: int) -> None:
    assert len(drawn["boxes"]) == len(drawn["texts"]) == nodes
    for text in drawn["texts"]:
        around = [
            box
            for box in drawn["boxes"]
            if box["x"] <= text["x"]
            and text["x"] + text["width"] <= box["x"] + box["width"]
            and box["y"] <= text["y"]
            and text["y"] + text["height"] <= box["y"] + box["height"]
        ]
        assert len(around) == 1, f"{text} is not within its box"
    assert len(drawn["edges"]) >= nodes - 1
    for edge in drawn["edges"]:
        for box in drawn["boxes"]:
            corner, size = np.array([box["x"], box["y"]]), np.array([box["width"], box["height"]])
            points = np.array(edge) - corner
            assert not ((points > 0.5) & (points < size - 0.5)).all(axis=1).any()
