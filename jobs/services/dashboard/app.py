"""The live page: the Dash callbacks that draw a feed for the choices made on the page."""

from __future__ import annotations

from time import time
from typing import Any

from dash import Dash, Input, Output, State, ctx, no_update

from jobs.services.dashboard import components
from jobs.services.dashboard.layout import PERIODS, layout
from jobs.services.dashboard.security_headers import add_security_headers
from jobs.services.views import drift_charts, pipeline_graph, time_series
from jobs.services.views.html_report import step_of
from jobs.services.views.kafka_feed import KafkaFeed
from jobs.services.views.monitored_inputs import prepared_steps
from jobs.services.views.table_rows import dead_letter_rows, outlier_rows, release_rows
from jobs.services.views.theme import Theme, empty_figure
from operators.windows.report import Window

# Seconds without rates after which the job is silent. Rates arrive every ten seconds, at the next checkpoint.
_SILENT_SECONDS = 90.0
_PICTURES = ("graph", "requests", "latency", "outliers", "bad")
_TABLES = ("versions", "flagged", "letters")
_MAX_ROWS = 20


class Page:
    """A Dash application that shows a feed; `name` is shown as the title."""

    def __init__(self, feed: KafkaFeed, name: str) -> None:
        self._feed = feed
        # This process serves all assets; nothing is fetched from the internet.
        self.app = Dash("jobs.services.dashboard", title=f"Weir {name}", update_title="", serve_locally=True)
        self.app.layout = lambda: layout(name, sorted(feed.releases()))
        self._register_callbacks()
        add_security_headers(self.app.server, self.app.csp_hashes())

    def _register_callbacks(self) -> None:
        browser_callback: Any = self.app.clientside_callback
        browser_callback(
            "() => matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'",
            Output("theme", "data"),
            Input("tick", "n_intervals"),
        )
        browser_callback(
            "updated => window.weirUpdated = Date.now()", Output("received", "data"), Input("updated", "data")
        )
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
            {
                "state": Output("state", "children"),
                "look": Output("state", "className"),
                "banner": Output("banner", "children"),
                "alerts": Output("alerts", "children"),
                **{name: _picture(name) for name in _PICTURES},
                **{name: Output(name, "children") for name in _TABLES},
                "updated": Output("updated", "data"),
            },
            *chosen,
        )(self._show)
        self.app.callback(
            {
                "steps": Output("step", "options"),
                "windows": Output("window", "options"),
                "step": Output("step", "value"),
                "window": Output("window", "value"),
                "heat": _picture("heat"),
                "histograms": _picture("histograms"),
                "which": Output("which", "children"),
                "newest": Output("newest", "data"),
            },
            *chosen,
            Input("step", "value"),
            Input("window", "value"),
            Input("heat", "clickData"),
            State("newest", "data"),
        )(self._drift)

    def _pipelines(self, tick: int | None, chosen: str | None) -> tuple[Any, Any]:
        names = sorted(self._feed.releases())
        busiest = max(names, key=self._feed.board.request_count, default=None)
        return names, no_update if chosen in names else busiest

    def _show(self, tick: int | None, pipeline: str | None, period: str, theme: Theme) -> dict[str, Any]:
        now, board = time(), self._feed.board
        release = self._feed.releases().get(pipeline or "")
        if release is None:
            problem = self._feed.failure or "No pipeline is applied yet: run weir apply to publish one."
            return {
                "state": "",
                "look": "state",
                "banner": components.banner(problem),
                "alerts": None,
                **dict.fromkeys(_PICTURES, _sized(empty_figure("nothing to show yet", theme, 120))),
                **dict.fromkeys(_TABLES),
                "updated": now,
            }
        shown_period, subject = (now - PERIODS[period], now), (release.name, period)
        spans = board.spans(release.name, shown_period[0], step_of(PERIODS[period]))
        latest = board.latest(release.name)
        letters = board.dead_letters(release.name)[:_MAX_ROWS]
        is_silent = latest is None or now - latest.until > _SILENT_SECONDS
        problem = self._feed.failure
        if not problem and is_silent:
            problem = f"No data from the job in the last {_SILENT_SECONDS:g} s: run weir status to check it."
        return {
            "state": "stale" if problem else "live",
            "look": "state bad" if problem else "state",
            "banner": components.banner(problem),
            "alerts": [
                components.alerts(board.firing(release.name), is_current=not problem),
                components.skipped(*board.skipped()),
            ],
            "graph": _sized(pipeline_graph.picture(release, None if is_silent else latest, theme), subject),
            "requests": _sized(time_series.requests(spans, shown_period, theme), subject),
            "latency": _sized(time_series.latency(spans, shown_period, theme), subject),
            "outliers": _sized(time_series.outliers(spans, shown_period, theme), subject),
            "bad": _sized(time_series.bad_values(spans, theme), subject),
            "versions": components.table(release_rows(self._feed.history(release.name)[:_MAX_ROWS]), ""),
            "flagged": components.table(
                outlier_rows(board.outliers(release.name)[:_MAX_ROWS], prepared_steps(release)),
                "No rows were flagged.",
            ),
            "letters": components.table(dead_letter_rows(letters), "No dead letters."),
            "updated": now,
        }

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
    ) -> dict[str, Any]:
        """Return the fields and figures about drift.

        `closed` is the time at which the chosen window closed. `newest` is the closing time of the window
        that was the newest at the previous call.
        """
        all_windows = self._feed.board.windows(pipeline or "", time() - PERIODS[period])
        by_step = {
            name: drifting
            for name, windows_of_step in all_windows.items()
            if (drifting := [one for one in windows_of_step if one.drift])
        }
        steps = sorted(by_step)
        requested_step, requested_window = step, closed
        step = step if step in by_step else (steps[0] if steps else None)
        windows = by_step.get(step or "", [])
        by_closing_time = {one.closed_at: one for one in windows}
        latest = windows[-1].closed_at if windows else None
        if ctx.triggered_id == "heat" and clicked:
            closed = str(clicked["points"][0]["x"])
        elif closed not in by_closing_time or closed == newest:
            # A reader who looked at the newest window sees the new one; an older choice is kept.
            closed = latest
        choices = [{"label": f"{one.window} {one.state}", "value": one.closed_at} for one in windows[::-1]]
        shown = {
            "steps": steps,
            "windows": choices,
            "step": _update_of(step, requested_step),
            "heat": _sized(drift_charts.drift_heatmap(windows, theme), (pipeline, step)),
        }
        window = by_closing_time.get(closed or "")
        if window is None:
            empty = _sized(empty_figure("no window closed in this period", theme, 120))
            return {**shown, "window": no_update, "histograms": empty, "which": "", "newest": None}
        release = self._feed.releases().get(pipeline or "")
        prepared = release is not None and step in prepared_steps(release)
        histograms = drift_charts.histograms(window, theme, prepared=prepared)
        return {
            **shown,
            "window": _update_of(closed, requested_window),
            "histograms": _sized(histograms, (pipeline, step, closed)),
            "which": _window_title(window),
            "newest": latest,
        }


def _update_of(value: str | None, requested: str | None) -> Any:
    """Return no update for a field that keeps its value: the reader may have changed it meanwhile."""
    return no_update if value == requested else value


def _picture(name: str) -> dict[str, Output]:
    return {"figure": Output(name, "figure"), "style": Output(name, "style")}


def _sized(figure: Any, subject: object = "") -> dict[str, Any]:
    """Return a figure, and the style that gives it the size that it needs.

    The reader's zoom is kept while `subject` stays the same.
    """
    figure.update_layout(uirevision=str(subject))
    width = figure.layout.width
    style = {"height": f"{figure.layout.height}px", "width": f"{width}px" if width else "100%"}
    return {"figure": figure, "style": style}


def _window_title(window: Window) -> str:
    offsets = "; ".join(
        f"{one.topic}-{one.partition} {one.first_offset} to {one.last_offset}" for one in window.members
    )
    head = (
        f"Window {window.window} of {window.step}: {window.state}, {window.n} rows, closed {window.closed_at}"
    )
    return f"{head}; requests {offsets}"
