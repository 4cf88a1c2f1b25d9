"""A micro-batch of records → a response to each, and chunks for the monitor. Uses no Flink.

Three steps: `RequestDecoder` groups the requests, each pipeline's `Plan` runs them, `Results` makes what is
written of what the plan returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from time import monotonic, time
from types import MappingProxyType

from operators.control.release import Release
from operators.core.errors import RecordError
from operators.core.micro_batch import RequestBatch, ResponseBatch
from operators.inference.monitor_feed import MonitorTicks, RemovedStep
from operators.inference.request_decoder import RequestDecoder, RequestGroup
from operators.inference.response_writer import ResponseWriter
from operators.inference.results import Failure, MonitorFailures, Result, Results
from operators.inference.taps import Taps
from operators.kafka.topics import Topics
from operators.metrics.pipeline_tally import PipelineTally
from operators.metrics.tally import Tally, count, count_up
from operators.models.runtimes.batched import WindowVerdict
from operators.pipeline.failure_isolation import Budget
from operators.pipeline.load import LoadedPipeline
from operators.protocol.batching import to_columns
from operators.rows.chunks import SubtaskId

Verdicts = Callable[[str], Mapping[str, WindowVerdict]]
_ALONE = SubtaskId()


class Engine:
    """Answers micro-batches with the pipelines of given releases.

    `limit` is the maximum size of a request and of a response in bytes. `verdicts` returns, for a pipeline,
    the verdict of each batched step's last closed window; it does not wait. `on_batch` receives the tallies
    of each micro-batch by pipeline. `ended` lists steps that no live pipeline contains; the monitor closes
    their windows. `sender` identifies this subtask to the monitor. `taps` maps a pipeline to the Unix time
    until which all inputs and outputs of its steps are published. `missing` returns the topics that do not
    exist. `on_call` receives the release, the step and the number of requests before each call of a step.
    """

    def __init__(
        self,
        served: Sequence[LoadedPipeline],
        topics: Topics,
        limit: int,
        verdicts: Verdicts,
        on_batch: Callable[[Mapping[str, Tally]], None] = lambda tallies: None,
        ended: Sequence[RemovedStep] = (),
        sender: SubtaskId = _ALONE,
        taps: Mapping[str, float] | None = None,
        missing: Callable[[], frozenset[str]] = frozenset,
        on_call: Callable[[Release, str, int], None] = lambda release, step, requests: None,
    ) -> None:
        self._served = served
        self._topics = topics
        self._verdicts = verdicts
        self._on_batch = on_batch
        self._decoder = RequestDecoder(served, topics, limit)
        self._taps = Taps(served, taps or {})
        self._results = Results(topics, limit, sender)
        self._ticks = MonitorTicks(served, ended, sender)
        self._missing = missing
        self._on_call = on_call
        self._has_begun = False

    def answer(
        self, records: RequestBatch, condemned: Mapping[int, RecordError] = MappingProxyType({})
    ) -> ResponseBatch:
        """Answer each record, with an error if its request is malformed, or if `condemned` has one for it."""
        writer = ResponseWriter(len(records.values), self._topics, self._missing())
        tallies = self._initial_tallies()
        budgets: dict[str, Budget] = {}
        groups, malformed = self._decoder.decode(records, condemned)
        for i, served, error in malformed:
            writer.fail(i, served, error)
        for group in groups:
            name = group.served.release.name
            tally, budget = tallies.setdefault(name, Tally()), budgets.setdefault(name, Budget())
            for part in group.parts():
                for result in self._run(part, records, budget, tally):
                    writer.write(group.served, group.encoding, result)
        for i in (i for i, topic in enumerate(records.topics) if topic is None):
            if messages := self._ticks.messages(monotonic()):
                writer.add_messages(i, messages)
        count(tallies, records, writer.batch, int(time() * 1000))
        self._on_batch(tallies)
        if messages := self._tally_messages(tallies):
            writer.add_messages(-1, messages)
        return writer.batch

    def _run(
        self, group: RequestGroup, records: RequestBatch, budget: Budget, tally: Tally
    ) -> Iterator[Result]:
        """Run the pipeline's plan on a group of requests."""
        tensors, errors = to_columns(group.requests)
        yield from (Failure(group.records[position], error) for position, error in errors.items())
        valid = group
        if errors:
            valid = group.select([one for one in range(len(group.requests)) if one not in errors])
        plan, name = group.served.plan, group.served.release.name
        if not valid.requests or plan is None:
            return
        on_call = partial(self._on_call, group.served.release)
        verdicts, taps = self._verdicts(name), self._taps.of(name)
        outcome = plan.run(tensors, group.options, verdicts, budget, taps, tally, on_call)
        for result in self._results.of(valid, outcome, records):
            if isinstance(result, MonitorFailures):
                for failure in result.errors:
                    count_up(tally.errors, failure.step, str(failure.reason))
            yield result

    def _tally_messages(self, tallies: Mapping[str, Tally]) -> list[bytes]:
        """Return the tallies of pipelines for the monitor."""
        return [
            PipelineTally(served.release.name, served.release.generation, tally).encode()
            for served in self._served
            if (tally := tallies.get(served.release.name)) and tally.requests
        ]

    def _initial_tallies(self) -> dict[str, Tally]:
        """Return empty tallies of all pipelines and steps at the first call, so that every metric exists."""
        if self._has_begun:
            return {}
        self._has_begun = True
        plans = [pipeline.plan for pipeline in self._served if pipeline.plan]
        return {plan.name: Tally.of(planned.name for planned in plan.steps) for plan in plans}
