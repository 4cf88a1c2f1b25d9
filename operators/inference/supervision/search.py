"""The search for the requests of a micro-batch on which the worker process ends or hangs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.core.errors import RecordError
from operators.core.micro_batch import RequestBatch, ResponseBatch
from operators.inference.supervision.ended import WorkerEndedError
from operators.inference.supervision.messages import Publish, StopServing
from operators.kafka.topics import Topics

_Part = NDArray[np.intp]
# Two rounds of so many groups are enough for a micro-batch of 4,000 records.
_GROUPS = 64


class Search:
    """Splits a micro-batch until each request that ends the worker process is alone, and condemns these.

    Records of other pipelines than that of the step in which the process ended are first. A record is
    condemned when the process has ended on it alone, and once before with or without others: whoever kills
    the process from outside condemns none. `condemned` contains the error of each condemned record, `answers`
    the answers to the others. `messages` are to be published afterwards.
    """

    def __init__(self, records: RequestBatch, topics: Topics) -> None:
        self.condemned: dict[int, RecordError] = {}
        self._records = records
        self._topics = topics
        self._pending: list[_Part] = []
        self._falls = np.zeros(len(records.values), dtype=np.int64)
        self.messages: list[Publish | StopServing] = []
        self.answers = ResponseBatch.empty(len(records.values))

    def next(self) -> _Part | None:
        """Return the positions of the records to run next, None when all have an answer or are condemned."""
        return self._pending.pop() if self._pending else None

    def take_answers(self, part: _Part, answers: ResponseBatch) -> None:
        """Take the answers to a part."""
        columns: list[tuple[list[Any], list[Any]]] = list(zip(self.answers, answers, strict=True))
        for column, values in columns:
            for i, value in zip(part.tolist(), values, strict=True):
                column[i] = value

    def fell(self, part: _Part, end: WorkerEndedError) -> RecordError | None:
        """Split a part on which the process ended, or condemn its only record and return the error.

        RuntimeError if that is a tick, which no request has caused.
        """
        before = int(self._falls[part].max())
        self._falls[part] += 1
        own = self._own(part, end.call.pipeline if end.call else "")
        if own.any() and not own.all():
            self._pending += [*reversed(_groups(part[own])), part[~own]]
        elif (len(part) == 1 or end.call is None) and not before:
            self._pending.append(part)
        elif len(part) == 1 and self._records.topics[part[0]] is None:
            raise RuntimeError(f"the worker process ended on a tick: {end.how}\n{end.output}")
        elif len(part) == 1:
            return self.condemned.setdefault(int(part[0]), end.error())
        else:
            self._pending += reversed(_groups(part))
        return None

    def place(self, i: int) -> str:
        """Return topic, partition and offset of a record."""
        records = self._records
        return f"{records.topics[i]}/{records.partitions[i]}/{records.offsets[i]}"

    def give_up(self, pipeline: str, error: RecordError) -> None:
        """Condemn all records of a pipeline that have no answer yet."""
        kept = []
        for part in self._pending:
            own = self._own(part, pipeline)
            self.condemned.update(dict.fromkeys(part[own].tolist(), error))
            kept.append(part[~own])
        self._pending = [part for part in kept if len(part)]

    def _own(self, part: _Part, pipeline: str) -> NDArray[np.bool_]:
        """Mark the records of a part that a pipeline answers."""
        topics, readers, inputs = self._records.topics, self._records.readers, self._topics.inputs(pipeline)
        return np.array([(readers[i] or topics[i]) in (pipeline, inputs) for i in part.tolist()], dtype=bool)


def _groups(part: _Part) -> list[_Part]:
    return np.array_split(part, min(_GROUPS, len(part)))


def take(records: RequestBatch, part: _Part) -> RequestBatch:
    """Return some of the records of a micro-batch."""
    return RequestBatch(*(_take(column, part) for column in records))


def _take(column: Any, part: _Part) -> Any:
    return column[part] if isinstance(column, np.ndarray) else [column[i] for i in part.tolist()]
