"""One pipeline's rates in its state: slices of ten seconds, and what its rules find in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from operators.alerts.active_alerts import ActiveAlerts
from operators.alerts.alert import AlertRecord, iso
from operators.alerts.rate_rules import Slice, evaluate_rates
from operators.alerts.rules import PipelineRules
from operators.core.errors import MalformedError
from operators.core.foreign_json import decode, parse_time, require_name, require_number
from operators.core.state import Value, pack, unpack
from operators.metrics.pipeline_tally import PipelineTally
from operators.metrics.tally import BOUNDS, Tally, check_tally

SLICE_MS = 10_000
_DOWN_MS = 15_000
_VERSION = 1
# A slice is ten seconds long, or as long as the job was down in it.
_LONGEST_SLICE = 24 * 3_600


class Rates(msgspec.Struct, frozen=True):
    """What a pipeline did in one slice, as the rates topic tells it; times in ISO 8601, UTC.

    `le` are the upper ends in seconds of all buckets but the last, which has none.
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


def read_rates(value: bytes | None) -> Rates:
    """Read a record of the rates topic; MalformedError for one that cannot be added up or drawn."""
    rates = decode(value, Rates)
    require_name(rates.pipeline, "pipeline")
    require_number(rates.generation, "generation")
    seconds = (parse_time(rates.until, "until") - parse_time(rates.since, "since")).total_seconds()
    if not 0 < seconds <= _LONGEST_SLICE:
        raise MalformedError(f"until must be at most {_LONGEST_SLICE} s after since, got {seconds:g} s")
    if rates.le != BOUNDS:
        raise MalformedError("le has other buckets than this version of Weir")
    check_tally(rates.tally)
    return rates


class _Open(msgspec.Struct, array_like=True):
    """The open slice; `last` is when the latest request came, `ended` says that the pipeline is gone."""

    generation: int
    since: int
    last: int
    tally: Tally
    ended: bool = False

    @property
    def until(self) -> int:
        return self.since + SLICE_MS


class PipelineRates:
    """Takes tallies of the pipeline of the key at hand; `current` keeps the open slice, `closed` those
    that rules still look at."""

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
        """Add a tally; rates leave for every slice that the clock ends, alerts when something changes."""
        stored = self._current.value()
        fresh = _Open(received.generation, _floor(now), now, Tally())
        current = unpack(stored, _Open, _VERSION, "rates") if stored else fresh
        if received.ended:
            yield from self._end(received, current, now)
            return
        if current.ended and received.generation < current.generation:
            return
        if current.ended:
            current = fresh
        current.generation = max(current.generation, received.generation)
        rules = self._rules_of(received.pipeline, current.generation)
        if now >= current.until:
            yield _rates(received.pipeline, current)
            slices = self._close(Slice(current.since, current.until, current.tally), rules, now)
            # Heartbeats come every second: after a longer silence the job was down, and knows nothing of it.
            was_down = now - current.until > _DOWN_MS
            if not was_down:
                active_alerts = self._active_alerts.severities()
                found = dict(evaluate_rates(rules.rates, slices, current.last, now, active_alerts))
                yield from self._active_alerts.update_alerts(rules.lifecycle, found, now)
            current = _Open(current.generation, _floor(now), now if was_down else current.last, Tally())
        if received.tally.requests:
            current.last = now
            current.tally.add(received.tally)
        self._current.update(pack(current, _VERSION))
        yield from self._active_alerts.resend_due(rules.lifecycle, now)

    def _close(self, latest: Slice, rules: PipelineRules, now: int) -> list[Slice]:
        """Keep the slices that rules look at."""
        stored = self._closed.value()
        known = unpack(stored, list[Slice], _VERSION, "rates") if stored else []
        within = now - rules.rates.longest * 1000
        kept = [one for one in [*known, latest] if one.until > within]
        self._closed.update(pack(kept, _VERSION))
        return kept

    def _end(self, received: PipelineTally, current: _Open, now: int) -> Iterator[Rates | AlertRecord]:
        if current.ended or current.generation >= received.generation:
            return
        if current.tally.requests:
            yield _rates(received.pipeline, current)
        rules = self._rules_of(received.pipeline, current.generation)
        yield from self._active_alerts.update_alerts(rules.lifecycle, {}, now)
        self._closed.clear()
        gone = _Open(received.generation, current.since, current.last, Tally(), ended=True)
        self._current.update(pack(gone, _VERSION))


def _rates(pipeline: str, current: _Open) -> Rates:
    since, until = iso(current.since), iso(current.until)
    return Rates(pipeline, current.generation, since, until, BOUNDS, current.tally)


def _floor(now: int) -> int:
    return now - now % SLICE_MS
