"""`infer`, the job's vectorised function: an adapter between Flink's columns and the worker process."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyflink.table.udf import FunctionContext, ScalarFunction

from operators.core.memory import collect_garbage_rarely
from operators.core.micro_batch import REQUEST_ROW, RequestBatch
from operators.flink.python_worker import prepare_worker
from operators.inference.identity import Identity
from operators.inference.supervision.messages import Answered, Start
from operators.inference.supervision.process_limits import ProcessLimits
from operators.inference.supervision.supervisor import Supervisor
from operators.kafka.connection import Connection
from operators.metrics.flink_metrics import Metrics, PipelineMetrics
from operators.rows.chunks import SubtaskId
from operators.storage.trusted_roots import ArtifactPolicy


class InferFunction(ScalarFunction):  # type: ignore[misc]
    """Answers micro-batches of records with the live pipelines of the control topic.

    `limit` is the maximum size of a request and of a response in bytes. `job` is the job's name. `only`
    restricts the job to these pipelines; if it is empty, the job serves all.
    """

    def __init__(
        self,
        connection: Connection,
        limit: int,
        site: ArtifactPolicy,
        job: str,
        only: Collection[str],
        limits: ProcessLimits,
    ) -> None:
        self._connection = connection
        self._limit = limit
        self._site = site
        self._job = job
        self._only = only
        self._limits = limits

    def open(self, function_context: FunctionContext) -> None:
        """Start the process that loads the live releases and follows the control topic."""
        prepare_worker()
        sender = SubtaskId(
            function_context.get_index_of_this_subtask(), function_context.get_number_of_parallel_subtasks()
        )
        identity = Identity(self._job, sender, function_context.get_attempt_number())
        self._metrics = PipelineMetrics(Metrics(function_context.get_metric_group()))
        self._metrics.count_skipped(self._connection.topics.control, 0)
        memory = self._limits.memory_bytes()
        only = tuple(self._only)
        start = Start(self._connection, self._site, self._limit, only, identity, {}, memory)
        self._supervisor = Supervisor(start, self._limits.step_seconds, self._count)
        self._supervisor.start()
        collect_garbage_rarely()

    def close(self) -> None:
        """End the process."""
        self._supervisor.close()

    def eval(self, *columns: pd.Series) -> pd.DataFrame:
        """Answer one micro-batch of records, given as one column per field of `RequestBatch`.

        The result has one column per field of `ResponseBatch`.
        """
        types = (column.type for column in REQUEST_ROW.values())
        records = RequestBatch(*(_READ[type_](column) for type_, column in zip(types, columns, strict=True)))
        return pd.DataFrame(self._supervisor.answer(records)._asdict())

    def _count(self, answered: Answered) -> None:
        """Count what a part of a micro-batch has led to."""
        for tallies in answered.tallies:
            self._metrics.count(tallies)
        for topic, count in answered.skipped:
            self._metrics.count_skipped(topic, count)
        for event in answered.events:
            self._metrics.count_event(event)
        for pipeline, serving in answered.serving.items():
            self._metrics.show_serving(pipeline, *serving)


def _texts(column: pd.Series) -> list[str | None]:
    return [None if text is None or text != text else text for text in column.tolist()]


def _numbers(column: pd.Series) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = column.fillna(-1).to_numpy(dtype=np.int64)
    return numbers


def _milliseconds(column: pd.Series) -> NDArray[np.int64]:
    times: NDArray[np.int64] = column.to_numpy(dtype="datetime64[ms]").astype(np.int64)
    return times


# How a column of each SQL type is read.
_READ: dict[str, Callable[[pd.Series], Any]] = {
    "BYTES": pd.Series.tolist,
    "STRING": _texts,
    "INT": _numbers,
    "BIGINT": _numbers,
    "TIMESTAMP_LTZ(3)": _milliseconds,
}
