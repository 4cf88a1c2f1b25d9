"""The live page: what it shows of a feed for what is chosen on it."""

from __future__ import annotations

from time import time
from typing import Any

from dash import Dash, Input, Output, State, ctx, no_update

from jobs.services.dashboard import components
from jobs.services.dashboard.layout import PERIODS, layout
from jobs.services.views import drift_charts, pipeline_graph, time_series
from jobs.services.views.html_report import step_of
from jobs.services.views.kafka_feed import KafkaFeed
from jobs.services.views.monitored_inputs import prepared_steps
from jobs.services.views.table_rows import dead_letter_rows, outlier_rows, release_rows
from jobs.services.views.theme import Theme, empty_figure
from operators.windows.report import Window

# Rates come every ten seconds and with the next checkpoint; much later than that, the job tells nothing.
_SILENT = 90.0
_PICTURES = ("graph", "requests", "latency", "outliers", "bad")
_TABLES = ("versions", "flagged", "letters")
_LISTED = 20


class Page:
    """A Dash application over a feed; `name` is what it is about."""

    def __init__(self, feed: KafkaFeed, name: str) -> None:
        self._feed = feed
        # All of it comes from this process: nothing is fetched from elsewhere.
        self.app = Dash("jobs.services.dashboard", title=f"Weir {name}", update_title="", serve_locally=True)
        self.app.layout = lambda: layout(name, sorted(feed.releases()))
        self._bind()

    def _bind(self) -> None:
        in_browser: Any = self.app.clientside_callback
        in_browser(
            "() => matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'",
            Output("theme", "data"),
            Input("tick", "n_intervals"),
        )
        in_browser("told => window.weirTold = Date.now()", Output("heard", "data"), Input("told", "data"))
        self.app.callback(
            Output("pipeline", "options"),
            Output("pipeline", "value"),
            Input("tick", "n_intervals"),
            State("pipeline", "value"),
        )(self._pipelines)
        chosen = [
            Input("tick", "n_intervals"),
            Input("pipeline", "value"),
            Input("period", "value"),
            Input("theme", "data"),
        ]
        self.app.callback(
            Output("state", "children"),
            Output("state", "className"),
            Output("banner", "children"),
            Output("alerts", "children"),
            *(output for name in _PICTURES for output in _picture(name)),
            *(Output(name, "children") for name in _TABLES),
            Output("told", "data"),
            *chosen,
        )(self._show)
        self.app.callback(
            *(Output(name, "options") for name in ("step", "window")),
            *(Output(name, "value") for name in ("step", "window")),
            *(output for name in ("heat", "histograms") for output in _picture(name)),
            Output("which", "children"),
            Output("newest", "data"),
            *chosen,
            Input("step", "value"),
            Input("window", "value"),
            Input("heat", "clickData"),
            State("newest", "data"),
        )(self._drift)

    def _pipelines(self, tick: int | None, chosen: str | None) -> tuple[Any, Any]:
        names = sorted(self._feed.releases())
        busiest = max(names, key=self._feed.board.asked, default=None)
        return names, no_update if chosen in names else busiest

    def _show(self, tick: int | None, pipeline: str | None, period: str, theme: Theme) -> tuple[Any, ...]:
        now, board = time(), self._feed.board
        release = self._feed.releases().get(pipeline or "")
        if release is None:
            words = self._feed.failure or "No pipeline is applied yet: weir apply publishes one."
            empty = empty_figure("nothing to show yet", theme, 120)
            pictures = [*_sized(empty)] * len(_PICTURES)
            return "", "state", components.banner(words), None, *pictures, None, None, None, now
        span, of = (now - PERIODS[period], now), (release.name, period)
        spans = board.spans(release.name, span[0], step_of(PERIODS[period]))
        latest = board.latest(release.name)
        letters = board.dead_letters(release.name)[:_LISTED]
        silent = latest is None or now - latest.until > _SILENT
        words = self._feed.failure
        if not words and silent:
            words = "The job has told nothing for a while: does it run? weir status says more."
        return (
            "what you see is old" if words else "live",
            "state bad" if words else "state",
            components.banner(words),
            [
                components.alerts(board.firing(release.name), known=not words),
                components.skipped(*board.skipped()),
            ],
            *_sized(pipeline_graph.picture(release, None if silent else latest, theme), of),
            *_sized(time_series.requests(spans, span, theme), of),
            *_sized(time_series.latency(spans, span, theme), of),
            *_sized(time_series.outliers(spans, span, theme), of),
            *_sized(time_series.bad_values(spans, theme), of),
            components.table(release_rows(self._feed.history(release.name)[:_LISTED]), ""),
            components.table(
                outlier_rows(board.outliers(release.name)[:_LISTED], prepared_steps(release)),
                "No row was flagged.",
            ),
            components.table(dead_letter_rows(letters), "There is none."),
            now,
        )

    def _drift(
        self,
        tick: int | None,
        pipeline: str | None,
        period: str,
        theme: Theme,
        step: str | None,
        closed: str | None,
        clicked: Any,
        newest: str | None,
    ) -> tuple[Any, ...]:
        """Show drift; `closed` is when the chosen window did, `newest` when the newest one did last time."""
        told = self._feed.board.windows(pipeline or "", time() - PERIODS[period])
        by_step = {name: some for name, all_ in told.items() if (some := [one for one in all_ if one.drifts])}
        steps = sorted(by_step)
        asked_step, asked_window = step, closed
        step = step if step in by_step else (steps[0] if steps else None)
        windows = by_step.get(step or "", [])
        by_moment = {one.closed_at: one for one in windows}
        latest = windows[-1].closed_at if windows else None
        if ctx.triggered_id == "heat" and clicked:
            closed = str(clicked["points"][0]["x"])
        elif closed not in by_moment or closed == newest:
            # Whoever looks at the newest goes on to the next; another that was chosen stays.
            closed = latest
        choices = [{"label": f"{one.window} {one.state}", "value": one.closed_at} for one in windows[::-1]]
        heat = _sized(drift_charts.drift_heatmap(windows, theme), (pipeline, step))
        shown = by_moment.get(closed or "")
        if shown is None:
            empty = _sized(empty_figure("no window closed in this period", theme, 120))
            return steps, choices, _changed(step, asked_step), no_update, *heat, *empty, "", None
        release = self._feed.releases().get(pipeline or "")
        prepared = release is not None and step in prepared_steps(release)
        histograms = drift_charts.histograms(shown, theme, prepared=prepared)
        pictures = (*heat, *_sized(histograms, (pipeline, step, closed)))
        chosen = (_changed(step, asked_step), _changed(closed, asked_window))
        return steps, choices, *chosen, *pictures, _which(shown), latest


def _changed(value: str | None, asked: str | None) -> Any:
    """Leave a field alone that keeps its value: a reader may have chosen another while this was drawn."""
    return no_update if value == asked else value


def _picture(name: str) -> tuple[Output, Output]:
    return Output(name, "figure"), Output(name, "style")


def _sized(figure: Any, of: object = "") -> tuple[Any, dict[str, str]]:
    """Return a figure, and the style that leaves it the room that it wants.

    What a reader zoomed into stays for as long as the picture is `of` the same.
    """
    figure.update_layout(uirevision=str(of))
    width = figure.layout.width
    return figure, {"height": f"{figure.layout.height}px", "width": f"{width}px" if width else "100%"}


def _which(window: Window) -> str:
    offsets = "; ".join(
        f"{one.topic}-{one.partition} {one.first_offset} to {one.last_offset}" for one in window.members
    )
    head = (
        f"Window {window.window} of {window.step}: {window.state}, {window.n} rows, closed {window.closed_at}"
    )
    return f"{head}; requests {offsets}"
