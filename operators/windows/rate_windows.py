"""One pipeline's rates in keyed state: slices of ten seconds, and the findings of its rate rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from operators.alerts.active_alerts import ActiveAlerts
from operators.alerts.alert import AlertRecord
from operators.alerts.rate_rules import Slice, evaluate_rates
from operators.alerts.rules import PipelineRules
from operators.core.errors import MalformedError
from operators.core.foreign_json import decode, require_name, require_number
from operators.core.state import Value, pack, unpack
from operators.core.timestamps import iso_milliseconds, parse_time
from operators.kafka.headers import release_headers
from operators.kafka.output_record import OutputRecord
from operators.kafka.topics import Topics
from operators.metrics.pipeline_tally import PipelineTally
from operators.metrics.tally import BOUNDS, Tally, check_tally

SLICE_MS = 10_000
_MAX_SILENCE_MS = 15_000
_VERSION = 1
# A slice lasts ten seconds, or longer if the job was down during it.
_MAX_SLICE_SECONDS = 24 * 3_600


class Rates(msgspec.Struct, frozen=True):
    """A record of the rates topic: the counts of a pipeline in one slice. Times in ISO 8601, UTC.

    `le` contains the upper bounds, in seconds, of all buckets except the last, which is unbounded.
    """

    pipeline: str
    generation: int
    since: str
    until: str
    le: tuple[float, ...]
    tally: Tally

    def encode(self) -> bytes:
        """Encode as JSON."""
        return msgspec.json.encode(self)

    def record(self, topics: Topics) -> OutputRecord:
        """Return the record of the rates topic."""
        headers = release_headers(self.pipeline, self.generation)
        return OutputRecord(topics.rates, self.pipeline, headers, self.encode())


def read_rates(value: bytes | None) -> Rates:
    """Decode a record of the rates topic; MalformedError if it cannot be added up or drawn."""
    rates = decode(value, Rates)
    require_name(rates.pipeline, "pipeline")
    require_number(rates.generation, "generation")
    seconds = (parse_time(rates.until, "until") - parse_time(rates.since, "since")).total_seconds()
    if not 0 < seconds <= _MAX_SLICE_SECONDS:
        raise MalformedError(f"until must be at most {_MAX_SLICE_SECONDS} s after since, got {seconds:g} s")
    if rates.le != BOUNDS:
        raise MalformedError("le: the buckets differ from those of this version of Weir")
    check_tally(rates.tally)
    return rates


class _OpenSlice(msgspec.Struct, array_like=True):
    """The open slice. `last` is the time of the latest request; `ended`: the pipeline was deleted.

    Times are the clock's, in milliseconds since 1970.
    """

    generation: int
    since: int
    last: int
    tally: Tally
    ended: bool = False

    @property
    def until(self) -> int:
        return self.since + SLICE_MS


class PipelineRates:
    """Adds up tallies of the pipeline that is the current key, and evaluates its rate rules.

    `current` stores the open slice. `closed` stores the closed slices that the rules still need.
    """

    def __init__(
        self,
        current: Value,
        closed: Value,
        active_alerts: ActiveAlerts,
        rules_of: Callable[[str, int], PipelineRules],
    ) -> None:
        self._current = current
        self._closed = closed
        self._active_alerts = active_alerts
        self._rules_of = rules_of

    def take(self, received: PipelineTally, now: int) -> Iterator[Rates | AlertRecord]:
        """Add a tally. Yield rates for each slice that has ended, and alerts that fire, resolve or are due.

        `now` is the clock's time in milliseconds since 1970. If the clock was set back by more than a slice,
        the open slice begins again at its new time, with its counts.
        """
        stored = self._current.value()
        new_slice = _OpenSlice(received.generation, _floor(now), now, Tally())
        current = unpack(stored, _OpenSlice, _VERSION, "rates") if stored else new_slice
        if received.ended:
            yield from self._end(received, current, now)
            return
        if current.ended and received.generation < current.generation:
            return
        if current.ended:
            current = new_slice
        if now < current.since - SLICE_MS:  # the clock was set back
            current.since, current.last = _floor(now), min(current.last, now)
        current.generation = max(current.generation, received.generation)
        rules = self._rules_of(received.pipeline, current.generation)
        if now >= current.until:
            yield _rates(received.pipeline, current)
            slices = self._close(Slice(current.since, current.until, current.tally), rules, now)
            # Heartbeats arrive every second. After a longer silence the job was down: do not evaluate rules.
            was_down = now - current.until > _MAX_SILENCE_MS
            if not was_down:
                severities = self._active_alerts.severities()
                findings = dict(evaluate_rates(rules.rates, slices, current.last, now, severities))
                yield from self._active_alerts.update_alerts(rules.lifecycle, findings, now)
            current = _OpenSlice(current.generation, _floor(now), now if was_down else current.last, Tally())
        if received.tally.requests:
            current.last = now
            current.tally.add(received.tally)
        self._current.update(pack(current, _VERSION))
        yield from self._active_alerts.resend_due(rules.lifecycle, now)

    def _close(self, latest: Slice, rules: PipelineRules, now: int) -> list[Slice]:
        """Store and return the closed slices that rules need."""
        stored = self._closed.value()
        previous = unpack(stored, list[Slice], _VERSION, "rates") if stored else []
        oldest = now - rules.rates.longest * 1000
        # Slices in the future are of a clock that was set back.
        kept = [one for one in [*previous, latest] if oldest < one.until <= now]
        self._closed.update(pack(kept, _VERSION))
        return kept

    def _end(self, received: PipelineTally, current: _OpenSlice, now: int) -> Iterator[Rates | AlertRecord]:
        if current.ended or current.generation >= received.generation:
            return
        if current.tally.requests:
            yield _rates(received.pipeline, current)
        rules = self._rules_of(received.pipeline, current.generation)
        yield from self._active_alerts.update_alerts(rules.lifecycle, {}, now)
        self._closed.clear()
        final = _OpenSlice(received.generation, current.since, current.last, Tally(), ended=True)
        self._current.update(pack(final, _VERSION))


def _rates(pipeline: str, current: _OpenSlice) -> Rates:
    since, until = iso_milliseconds(current.since), iso_milliseconds(current.until)
    return Rates(pipeline, current.generation, since, until, BOUNDS, current.tally)


def _floor(now: int) -> int:
    return now - now % SLICE_MS
