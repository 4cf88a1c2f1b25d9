"""Records of the topics → what a page shows, of a bounded past. No Kafka here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from time import time
from typing import Any, NamedTuple

import msgspec

from jobs.kafka.firing_alerts import firing
from operators.alerts.alert import Alert, read_alert
from operators.core.errors import MalformedError
from operators.core.foreign_json import parse_time, require_seconds
from operators.core.redaction import HIDDEN, Redaction
from operators.inference.outlier_log import FlaggedRowRecord, read_flagged_row
from operators.kafka.dead_letters import owner_of
from operators.kafka.skipped_records import Skipped, skipped_record
from operators.kafka.topics import Topics
from operators.metrics.tally import Tally
from operators.windows.rate_windows import Rates, read_rates
from operators.windows.report import Window, read_report

_MOST_WINDOWS, _MOST_ALERTS, _MOST_LISTED = 1_500, 1_000, 200
# Clocks differ; rates that are further ahead would push the others out of the past that is kept.
_AHEAD = 3_600.0
_OF_DEAD_LETTERS = (
    "__connect.errors.topic",
    "__connect.errors.partition",
    "__connect.errors.offset",
    "__connect.errors.exception.class.name",
    "__connect.errors.exception.message",
)
Hides = Callable[[str], Redaction]


class DeadLetter(NamedTuple):
    """A request that could not be answered; `at` in milliseconds since 1970."""

    pipeline: str
    at: int
    reason: str
    step: str
    message: str
    place: str
    key: str


class Span(NamedTuple):
    """What a pipeline did in `seconds` from a moment on, in seconds since 1970."""

    since: float
    seconds: float
    tally: Tally

    @property
    def until(self) -> float:
        """When it ended."""
        return self.since + self.seconds


class TopicHistory:
    """Takes records in one thread and is looked at from others.

    `past` says for how many seconds rates are kept, `hides` which features of a pipeline nobody sees.
    """

    def __init__(self, topics: Topics, past: float, hides: Hides = lambda pipeline: Redaction()) -> None:
        self._topics = topics
        self._past = past
        self._hides = hides
        self._lock = Lock()
        self._rates: dict[str, deque[Span]] = {}
        self._asked: dict[str, int] = {}
        self._windows: dict[tuple[str, str], deque[Window]] = {}
        self._latest: dict[str, Alert] = {}
        self._alerts: dict[str, deque[Alert]] = {}
        self._outliers: dict[str, deque[FlaggedRowRecord]] = {}
        self._dead: dict[str, deque[DeadLetter]] = {}
        self._skipped = 0
        self._last_skipped: Skipped | None = None

    def take(self, topic: str, record: Any) -> Skipped | None:
        """Take in a record; returns it as skipped where it cannot be used."""
        try:
            with self._lock:
                self._take(topic, record)
        except Exception as error:  # whatever it is, the records around it count
            skipped = skipped_record(record, error)
            with self._lock:
                self._skipped += 1
                self._last_skipped = skipped
            return skipped
        return None

    def skipped(self) -> tuple[int, Skipped | None]:
        """Return how many records could not be used, and the last of them."""
        with self._lock:
            return self._skipped, self._last_skipped

    def spans(self, pipeline: str, since: float, step: float) -> list[Span]:
        """Return what a pipeline did since a moment in seconds since 1970, in spans of up to so many seconds.

        A span is as long as the slices that are in it.
        """
        with self._lock:
            known = list(self._rates.get(pipeline, ()))
        merged: dict[int, Span] = {}
        for one in known:
            if one.since >= since:
                number = int(one.since // step)
                sum_ = merged.setdefault(number, Span(one.since, 0.0, Tally()))
                sum_.tally.add(one.tally)
                merged[number] = sum_._replace(seconds=sum_.seconds + one.seconds)
        spans = [merged[number] for number in sorted(merged)]
        self._hide_values(pipeline, spans)
        return spans

    def latest(self, pipeline: str) -> Span | None:
        """Return the newest slice."""
        with self._lock:
            known = self._rates.get(pipeline)
            return known[-1] if known else None

    def asked(self, pipeline: str) -> int:
        """Return how many requests came since this board is there, and in the past that it was given."""
        with self._lock:
            return self._asked.get(pipeline, 0)

    def windows(self, pipeline: str, since: float = 0.0) -> Mapping[str, list[Window]]:
        """Return the windows of each step that closed since a moment, oldest first."""
        with self._lock:
            known = {step: list(told) for (owner, step), told in self._windows.items() if owner == pipeline}
        hides = self._hides(pipeline)
        return {
            step: [_hidden(one, hides) for one in windows if _seconds(one.closed_at) >= since]
            for step, windows in known.items()
        }

    def alerts(self, pipeline: str) -> list[Alert]:
        """Return the alerts of a pipeline that were told, oldest first."""
        with self._lock:
            return list(self._alerts.get(pipeline, ()))

    def firing(self, pipeline: str) -> list[Alert]:
        """Return what fires now."""
        with self._lock:
            latest = list(self._latest.values())
        return firing(one for one in latest if one.labels.get("pipeline") == pipeline)

    def outliers(self, pipeline: str) -> list[FlaggedRowRecord]:
        """Return the latest flagged rows, newest first."""
        with self._lock:
            known = list(self._outliers.get(pipeline, ()))
        hides = self._hides(pipeline)
        return sorted((one.hiding(hides) for one in known), key=lambda one: (-one.timestamp, -one.offset))

    def dead_letters(self, pipeline: str) -> list[DeadLetter]:
        """Return the latest dead letters, newest first; messages quote values, so some are hidden."""
        with self._lock:
            known = list(self._dead.get(pipeline, ()))
        if self._hides(pipeline):
            known = [one._replace(message=HIDDEN) for one in known]
        return sorted(known, key=lambda one: -one.at)

    def _hide_values(self, pipeline: str, spans: Iterable[Span]) -> None:
        hides = self._hides(pipeline)
        for step in (step for span in spans if hides for step in span.tally.steps.values()):
            step.hide(hides)

    def _take(self, topic: str, record: Any) -> None:
        value = record.value
        if topic == self._topics.rates:
            self._take_rates(read_rates(value))
        elif topic == self._topics.alerts:
            alert = read_alert(value)
            self._latest[alert.fingerprint] = alert
            _list(self._alerts, alert.labels["pipeline"], _MOST_ALERTS).append(alert)
        elif topic == self._topics.outliers:
            outlier = read_flagged_row(value)
            _list(self._outliers, outlier.pipeline, _MOST_LISTED).append(outlier)
        elif topic == self._topics.errors:
            letter = _dead_letter(record)
            _list(self._dead, letter.pipeline, _MOST_LISTED).append(letter)
        elif report := read_report(value):
            window = report.window
            _list(self._windows, (window.pipeline, window.step), _MOST_WINDOWS).append(window)

    def _take_rates(self, rates: Rates) -> None:
        since = _seconds(rates.since)
        if since > time() + _AHEAD:
            raise MalformedError(f"since is {rates.since}, which is not yet")
        known = self._rates.setdefault(rates.pipeline, deque())
        known.append(Span(since, _seconds(rates.until) - since, rates.tally))
        while known[0].since < since - self._past:
            known.popleft()
        self._asked[rates.pipeline] = self._asked.get(rates.pipeline, 0) + rates.tally.requests


def _list(lists: dict[Any, deque[Any]], key: object, most: int) -> deque[Any]:
    return lists.setdefault(key, deque(maxlen=most))


def _hidden(window: Window, hides: Redaction) -> Window:
    if not hides:
        return window
    about = hides.about(
        {"features": window.features, "ranked": window.ranked, "histograms": window.histograms}
    )
    return msgspec.structs.replace(window, **about)


def _dead_letter(record: Any) -> DeadLetter:
    told = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    missing = [name for name in _OF_DEAD_LETTERS if name not in told]
    if missing:
        raise MalformedError(f"a dead letter has the header {missing[0]}, this record has none")
    require_seconds(max(record.timestamp, 0) / 1000, "the timestamp / 1000")
    topic, partition, offset, reason, message = (told[name] for name in _OF_DEAD_LETTERS)
    return DeadLetter(
        owner_of(told),
        record.timestamp,
        reason,
        told.get("weir-error-step", ""),
        message,
        f"{topic}-{partition}@{offset}",
        (record.key or b"").decode("utf-8", "replace"),
    )


def _seconds(iso: str) -> float:
    return parse_time(iso, "a time").timestamp()
