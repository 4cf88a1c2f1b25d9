"""Answers micro-batches with a worker process, whatever the models do to that process."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from time import monotonic, time

import numpy as np
from numpy.typing import NDArray

from operators.control.status import Event, What
from operators.core.errors import Reason, RecordError
from operators.core.event_log import log_event
from operators.core.micro_batch import RequestBatch, ResponseBatch
from operators.inference.supervision.costs import MOST_SECONDS, PERIOD, Costs
from operators.inference.supervision.deadlines import Deadlines
from operators.inference.supervision.ended import WorkerEndedError
from operators.inference.supervision.fork_client import ForkServer
from operators.inference.supervision.messages import Answered, Calling, Publish, Start, StopServing, Work
from operators.inference.supervision.monitored_worker import MonitoredWorker
from operators.inference.supervision.search import Search, take

# So often the process may end while it loads a release, before the release is refused.
_LOADS = 2
# So often in a row the process may end for no known reason.
_STARTS = 3


class Supervisor:
    """Keeps a worker process, and starts another one when it ends.

    A request on which the process ends or hangs gets an error; the other requests are answered. A release
    that ends the process while it is loaded is refused, as one that cannot be loaded. A pipeline that costs
    the others more than `most_cost` seconds in ten minutes is quarantined. `step_seconds` is how long a step
    may take for one request. `on_answered` receives what metrics count.
    """

    def __init__(
        self,
        start: Start,
        step_seconds: float,
        on_answered: Callable[[Answered], None],
        most_cost: float = MOST_SECONDS,
    ) -> None:
        self._start = start
        self._on_answered = on_answered
        self._deadlines = Deadlines(step_seconds)
        self._costs = Costs(most_cost)
        self._refused: dict[tuple[str, int], str] = {}
        self._loads: Counter[tuple[str, int]] = Counter()
        self._forks = ForkServer()
        self._worker: MonitoredWorker | None = None

    def start(self) -> None:
        """Start the worker process; DeploymentError if it cannot read the control topic."""
        self._running()

    def close(self) -> None:
        """End the worker process."""
        if self._worker:
            self._worker.close()
        self._forks.close()

    def answer(self, records: RequestBatch) -> ResponseBatch:
        """Answer all records."""
        began = monotonic()
        try:
            self._running().require_loading_in_time()
            return self._run(Work(records, {}), is_search=False)
        except WorkerEndedError as end:
            return self._search(records, end, began)

    def _search(self, records: RequestBatch, end: WorkerEndedError, began: float) -> ResponseBatch:
        """Answer records on which the process has ended, those that end it again with an error."""
        search = Search(records, self._start.connection.topics)
        everything = np.arange(len(records.values))
        self._fell(search, everything, end, began)
        while (part := search.next()) is not None:
            try:
                answers = self._run(Work(take(records, part), {}), is_search=True)
            except WorkerEndedError as again:
                if self._fell(search, part, again, began):
                    began = monotonic()
            else:
                search.take_answers(part, answers)
        if condemned := search.condemned:
            positions = np.array(sorted(condemned))
            errors = {number: condemned[i] for number, i in enumerate(positions.tolist())}
            search.take_answers(positions, self._write_errors(Work(take(records, positions), errors)))
        self._publish(search.messages)
        return search.answers

    def _fell(self, search: Search, part: NDArray[np.intp], end: WorkerEndedError, began: float) -> bool:
        """Note that the process has ended on a part; return whether this has condemned a request."""
        self._note(end)
        error = search.fell(part, end)
        if error is None:
            return False
        if end.call is None:
            return True
        pipeline, generation, place = end.call.pipeline, end.call.generation, search.place(int(part[0]))
        what: What = "ModelTimedOut" if error.reason is Reason.MODEL_TIMEOUT else "ModelCrashed"
        why = f"{error.message} (request {place})"
        event = Event(at=time(), pipeline=pipeline, generation=generation, what=what, why=why)
        search.messages.append(Publish(event))
        if self._costs.add(pipeline, generation, monotonic() - began):
            why = f"within {PERIOD / 60:g} minutes its requests held up others for too long, last: {why}"
            search.messages.append(StopServing(pipeline, generation, why))
            search.give_up(pipeline, RecordError(Reason.PIPELINE_FAILED, f"it is quarantined: {why}"))
        return True

    def _run(self, work: Work, *, is_search: bool) -> ResponseBatch:
        answered = self._running().answer(work, is_search=is_search)
        self._on_answered(answered)
        return answered.answers

    def _write_errors(self, work: Work) -> ResponseBatch:
        """Answer requests with errors; for this no model is called."""
        for _ in range(_STARTS):
            try:
                return self._run(work, is_search=True)
            except WorkerEndedError as end:
                self._note(end)
        raise RuntimeError(f"the worker process has ended {_STARTS} times while it wrote errors")

    def _running(self) -> MonitoredWorker:
        """Return the worker process; start one if there is none."""
        unexplained = 0
        while self._worker is None:
            start = self._start._replace(refused=dict(self._refused))
            try:
                self._worker = MonitoredWorker(self._forks, start, self._deadlines)
            except WorkerEndedError as end:
                self._note(end)
                unexplained += end.loading is None
                if unexplained == _STARTS:
                    raise RuntimeError(f"the worker process cannot start: {end.how}\n{end.output}") from end
            else:
                self._loads.clear()
        return self._worker

    def _publish(self, messages: list[Publish | StopServing]) -> None:
        """Let the worker publish what the search has found, now that nothing ends it soon."""
        try:
            for message in messages:
                self._running().publish(message)
        except WorkerEndedError as end:  # the log has what could not be published
            self._note(end)

    def _note(self, end: WorkerEndedError) -> None:
        """Log the end of the process; refuse the release that it was loading, unless it is the first time."""
        self._worker = None
        call = end.call or Calling("", 0, "", 0)
        log_event(
            "WorkerEnded",
            logging.ERROR,
            pipeline=call.pipeline,
            step=call.step,
            requests=call.requests,
            why=f"no answer within {end.hung:g} s" if end.hung else end.how,
        )
        if end.loading:
            release = (end.loading.pipeline, end.loading.generation)
            self._loads[release] += 1
            if self._loads[release] >= _LOADS:
                how = f"it took more than {end.hung:g} s" if end.hung else f"the process ended: {end.how}"
                self._refused[release] = f"while it was loaded, {how}; see the TaskManager's log"
