"""Records of the topics → what a page shows, of a bounded past. No Kafka here."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from threading import Lock
from typing import Any, NamedTuple

import msgspec

from jobs.alerts_told import firing
from operators.alerting.alerts import Alert
from operators.outliers import Outlier
from operators.pipeline_rates import Rates
from operators.tallies import Tally
from operators.topics import Topics

_MOST_SLICES, _MOST_WINDOWS, _MOST_ALERTS, _MOST_LISTED = 60_480, 300, 2_000, 50


class Window(msgspec.Struct, frozen=True):
    """A report's parameters, as far as a page shows them."""

    pipeline: str
    step: str
    generation: int
    window: int
    state: str
    n: int
    closed_at: str
    confirmed: bool = False
    ranked: list[str] = []
    features: list[dict[str, Any]] = []
    histograms: list[dict[str, Any]] = []
    members: list[dict[str, Any]] = []

    @property
    def drifts(self) -> bool:
        """Tell a window of a drift detector from others, and from one without a verdict."""
        return bool(self.features) and "effect" in self.features[0]


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
    """What a pipeline did between two moments, in seconds since 1970."""

    since: float
    until: float
    tally: Tally

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.until - self.since


class Board:
    """Takes records in one thread and is looked at from others."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._lock = Lock()
        self._rates: dict[str, deque[Span]] = {}
        self._windows: dict[tuple[str, str], deque[Window]] = {}
        self._alerts: deque[Alert] = deque(maxlen=_MOST_ALERTS)
        self._outliers: dict[str, deque[Outlier]] = {}
        self._dead: dict[str, deque[DeadLetter]] = {}

    def take(self, topic: str, record: Any) -> None:
        """Take in a record; what is not ours is passed over."""
        try:
            with self._lock:
                self._take(topic, record)
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, ValueError):
            return

    def spans(self, pipeline: str, since: float, step: float) -> list[Span]:
        """Return what a pipeline did since a moment in seconds since 1970, in spans of so many seconds."""
        with self._lock:
            known = list(self._rates.get(pipeline, ()))
        merged: dict[int, Tally] = {}
        for one in known:
            if one.until > since:
                merged.setdefault(int(one.since // step), Tally()).add(one.tally)
        return [Span(number * step, (number + 1) * step, merged[number]) for number in sorted(merged)]

    def latest(self, pipeline: str) -> Span | None:
        """Return the newest slice."""
        with self._lock:
            known = self._rates.get(pipeline)
            return known[-1] if known else None

    def asked(self, pipeline: str) -> int:
        """Return how many requests are known of."""
        with self._lock:
            return sum(one.tally.requests for one in self._rates.get(pipeline, ()))

    def windows(self, pipeline: str) -> Mapping[str, list[Window]]:
        """Return the windows of each step, oldest first."""
        with self._lock:
            return {step: list(known) for (owner, step), known in self._windows.items() if owner == pipeline}

    def alerts(self, pipeline: str = "") -> list[Alert]:
        """Return every alert that was told, oldest first."""
        with self._lock:
            return [one for one in self._alerts if pipeline in ("", one.labels.get("pipeline"))]

    def firing(self, pipeline: str = "") -> list[Alert]:
        """Return what fires now."""
        return firing(self.alerts(pipeline))

    def outliers(self, pipeline: str) -> list[Outlier]:
        """Return the latest flagged rows, newest first."""
        with self._lock:
            return list(self._outliers.get(pipeline, ()))[::-1]

    def dead_letters(self, pipeline: str) -> list[DeadLetter]:
        """Return the latest dead letters, newest first."""
        with self._lock:
            return list(self._dead.get(pipeline, ()))[::-1]

    def _take(self, topic: str, record: Any) -> None:
        value = record.value or b""
        if topic == self._topics.rates:
            rates = msgspec.json.decode(value, type=Rates)
            span = Span(_seconds(rates.since), _seconds(rates.until), rates.tally)
            self._rates.setdefault(rates.pipeline, deque(maxlen=_MOST_SLICES)).append(span)
        elif topic == self._topics.alerts:
            self._alerts.append(msgspec.json.decode(value, type=Alert))
        elif topic == self._topics.outliers:
            outlier = msgspec.json.decode(value, type=Outlier)
            self._outliers.setdefault(outlier.pipeline, deque(maxlen=_MOST_LISTED)).append(outlier)
        elif topic == self._topics.errors:
            letter = _dead_letter(record)
            self._dead.setdefault(letter.pipeline, deque(maxlen=_MOST_LISTED)).append(letter)
        else:
            window = msgspec.json.decode(value, type=_Report).parameters
            known = self._windows.setdefault((window.pipeline, window.step), deque(maxlen=_MOST_WINDOWS))
            known.append(window)


class _Report(msgspec.Struct):
    parameters: Window


def _dead_letter(record: Any) -> DeadLetter:
    told = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    topic = told["__connect.errors.topic"]
    return DeadLetter(
        topic.removesuffix(".inputs").rpartition(".")[2],
        record.timestamp,
        told["__connect.errors.exception.class.name"],
        told.get("weir-error-step", ""),
        told["__connect.errors.exception.message"],
        f"{topic}-{told['__connect.errors.partition']}@{told['__connect.errors.offset']}",
        (record.key or b"").decode("utf-8", "replace"),
    )


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()
