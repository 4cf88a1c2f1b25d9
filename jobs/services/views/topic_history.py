"""History of a namespace's topics over a bounded past, in memory; this module does not use Kafka."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from time import time
from typing import Any, NamedTuple

from jobs.kafka.firing_alerts import firing
from operators.alerts.alert import Alert, read_alert
from operators.core.errors import MalformedError
from operators.core.redaction import HIDDEN, Redaction
from operators.core.timestamps import parse_time, require_seconds
from operators.inference.outlier_log import FlaggedRowRecord, read_flagged_row
from operators.kafka.dead_letters import missing_header, read_headers
from operators.kafka.skipped_records import Skipped, skipped_record
from operators.kafka.topics import Topics
from operators.metrics.tally import Tally
from operators.windows.rate_windows import Rates, read_rates
from operators.windows.report import Window, read_report

_MOST_WINDOWS, _MOST_ALERTS, _MOST_LISTED = 1_500, 1_000, 200
# Clocks differ. Rates more than this many seconds in the future are refused: they would evict all others.
_MAX_CLOCK_SKEW = 3_600.0
RedactionOf = Callable[[str], Redaction]


class DeadLetter(NamedTuple):
    """A request that could not be answered; `at` is in milliseconds since 1970."""

    pipeline: str
    at: int
    reason: str
    step: str
    message: str
    place: str
    key: str


class Span(NamedTuple):
    """A pipeline's counters over `seconds`, starting at `since` in seconds since 1970."""

    since: float
    seconds: float
    tally: Tally

    @property
    def until(self) -> float:
        """The end, in seconds since 1970."""
        return self.since + self.seconds


class TopicHistory:
    """Records of the topics; one thread adds them, other threads read.

    Rates are kept for `past` seconds. `redaction_of` returns the features of a pipeline to redact.
    """

    def __init__(
        self, topics: Topics, past: float, redaction_of: RedactionOf = lambda pipeline: Redaction()
    ) -> None:
        self._topics = topics
        self._past = past
        self._redaction_of = redaction_of
        self._lock = Lock()
        self._rates: dict[str, deque[Span]] = {}
        self._request_counts: dict[str, int] = {}
        self._windows: dict[tuple[str, str], deque[Window]] = {}
        self._latest: dict[str, Alert] = {}
        self._alerts: dict[str, deque[Alert]] = {}
        self._outliers: dict[str, deque[FlaggedRowRecord]] = {}
        self._dead: dict[str, deque[DeadLetter]] = {}
        self._skipped = 0
        self._last_skipped: Skipped | None = None

    def add(self, topic: str, record: Any) -> Skipped | None:
        """Add a record; returns a description of it if it is invalid and was skipped."""
        try:
            with self._lock:
                self._add(topic, record)
        except Exception as error:  # an invalid record must not affect its neighbours
            skipped = skipped_record(record, error)
            with self._lock:
                self._skipped += 1
                self._last_skipped = skipped
            return skipped
        return None

    def skipped(self) -> tuple[int, Skipped | None]:
        """Return the number of skipped records, and the last of them."""
        with self._lock:
            return self._skipped, self._last_skipped

    def spans(self, pipeline: str, since: float, step: float) -> list[Span]:
        """Return a pipeline's counters since a time, added up to spans of about `step` seconds.

        `since` is in seconds since 1970. A span is as long as the recorded slices that it contains.
        """
        with self._lock:
            slices = list(self._rates.get(pipeline, ()))
        merged: dict[int, Span] = {}
        for slice_ in slices:
            if slice_.since >= since:
                number = int(slice_.since // step)
                span = merged.setdefault(number, Span(slice_.since, 0.0, Tally()))
                span.tally.add(slice_.tally)
                merged[number] = span._replace(seconds=span.seconds + slice_.seconds)
        spans = [merged[number] for number in sorted(merged)]
        self._redact(pipeline, spans)
        return spans

    def latest(self, pipeline: str) -> Span | None:
        """Return the newest recorded slice of a pipeline's counters."""
        with self._lock:
            slices = self._rates.get(pipeline)
            return slices[-1] if slices else None

    def request_count(self, pipeline: str) -> int:
        """Return the number of requests in all rates that were added, including those no longer kept."""
        with self._lock:
            return self._request_counts.get(pipeline, 0)

    def windows(self, pipeline: str, since: float = 0.0) -> Mapping[str, list[Window]]:
        """Return the windows of each step that closed since a time in seconds since 1970, oldest first."""
        with self._lock:
            by_step = {
                step: list(windows) for (owner, step), windows in self._windows.items() if owner == pipeline
            }
        redaction = self._redaction_of(pipeline)
        return {
            step: [one.redacted(redaction) for one in windows if _seconds(one.closed_at) >= since]
            for step, windows in by_step.items()
        }

    def alerts(self, pipeline: str) -> list[Alert]:
        """Return the published alerts of a pipeline, oldest first."""
        with self._lock:
            return list(self._alerts.get(pipeline, ()))

    def firing(self, pipeline: str) -> list[Alert]:
        """Return the alerts of a pipeline that fire now."""
        with self._lock:
            latest = list(self._latest.values())
        return firing(one for one in latest if one.labels.get("pipeline") == pipeline)

    def outliers(self, pipeline: str) -> list[FlaggedRowRecord]:
        """Return the latest flagged rows, newest first."""
        with self._lock:
            outliers = list(self._outliers.get(pipeline, ()))
        redaction = self._redaction_of(pipeline)
        return sorted(
            (one.redacted(redaction) for one in outliers), key=lambda one: (-one.timestamp, -one.offset)
        )

    def dead_letters(self, pipeline: str) -> list[DeadLetter]:
        """Return the latest dead letters, newest first.

        If the pipeline redacts any features, all messages are redacted, because they quote values.
        """
        with self._lock:
            letters = list(self._dead.get(pipeline, ()))
        if self._redaction_of(pipeline):
            letters = [one._replace(message=HIDDEN) for one in letters]
        return sorted(letters, key=lambda one: -one.at)

    def _redact(self, pipeline: str, spans: Iterable[Span]) -> None:
        redaction = self._redaction_of(pipeline)
        for step in (step for span in spans if redaction for step in span.tally.steps.values()):
            step.hide(redaction)

    def _add(self, topic: str, record: Any) -> None:
        value = record.value
        if topic == self._topics.rates:
            self._add_rates(read_rates(value))
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

    def _add_rates(self, rates: Rates) -> None:
        since = _seconds(rates.since)
        if since > time() + _MAX_CLOCK_SKEW:
            raise MalformedError(f"since is {rates.since}, which is in the future")
        slices = self._rates.setdefault(rates.pipeline, deque())
        slices.append(Span(since, _seconds(rates.until) - since, rates.tally))
        while slices[0].since < since - self._past:
            slices.popleft()
        total = self._request_counts.get(rates.pipeline, 0) + rates.tally.requests
        self._request_counts[rates.pipeline] = total


def _list(lists: dict[Any, deque[Any]], key: object, most: int) -> deque[Any]:
    return lists.setdefault(key, deque(maxlen=most))


def _dead_letter(record: Any) -> DeadLetter:
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    if missing := missing_header(headers):
        raise MalformedError(f"the record is not a dead letter: it has no header {missing}")
    require_seconds(max(record.timestamp, 0) / 1000, "the timestamp / 1000")
    error = read_headers(headers)
    return DeadLetter(
        error.owner,
        record.timestamp,
        error.reason,
        error.step,
        error.message,
        f"{error.topic}-{error.partition}@{error.offset}",
        (record.key or b"").decode("utf-8", "replace"),
    )


def _seconds(iso: str) -> float:
    return parse_time(iso, "a time").timestamp()
