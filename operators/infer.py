"""The vectorised function of the job: an adapter between Flink's columns and the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pyflink.table.udf import FunctionContext, ScalarFunction

from operators.artifacts.trust import Site
from operators.control import Connection, read_control
from operators.engine import Engine
from operators.flags import LastVerdicts
from operators.orphans import exit_with_task_manager
from operators.records import Records
from operators.releases import Served, serve_live


class Infer(ScalarFunction):  # type: ignore[misc]
    """Answers micro-batches of records with the pipelines that the control topic says are live."""

    def __init__(self, connection: Connection, limit: int, site: Site) -> None:
        self._connection = connection
        self._limit = limit
        self._site = site

    def open(self, function_context: FunctionContext) -> None:
        """Load the live releases and start to follow the last verdicts."""
        exit_with_task_manager()
        served = list(serve_live(read_control(self._connection), self._site))
        self._verdicts = LastVerdicts(self._connection, sorted({s for one in served for s in _batched(one)}))
        self._verdicts.start()
        failures = _Counters(function_context.get_metric_group())
        topics = self._connection.topics
        self._engine = Engine(served, topics, self._limit, self._verdicts.of, failures.count)

    def close(self) -> None:
        """Stop the background thread."""
        self._verdicts.close()

    def eval(self, *columns: pd.Series) -> pd.DataFrame:
        """Answer one micro-batch of records, a column for each field of `Records`."""
        value, topic, partition, offset, timestamp, length, infer_type, origin, reader = columns
        records = Records(
            value.tolist(),
            _texts(topic),
            _numbers(partition),
            _numbers(offset),
            timestamp.to_numpy(dtype="datetime64[ms]").astype(np.int64),
            _numbers(length),
            _texts(infer_type),
            _texts(origin),
            _texts(reader),
        )
        return pd.DataFrame(self._engine.answer(records)._asdict())


class _Counters:
    """Flink counters of requests that a step which only watches failed on."""

    def __init__(self, group: Any) -> None:
        self._group = group
        self._counters: dict[tuple[str, str], Any] = {}

    def count(self, pipeline: str, step: str) -> None:
        key = (pipeline, step)
        if key not in self._counters:
            group = self._group.add_group("pipeline", pipeline).add_group("step", step)
            self._counters[key] = group.counter("monitor_failures")
        self._counters[key].inc()


def _batched(served: Served) -> list[str]:
    return [planned.name for planned in served.plan.steps if planned.batch] if served.plan else []


def _texts(column: pd.Series) -> list[str | None]:
    return [None if text is None or text != text else text for text in column.tolist()]


def _numbers(column: pd.Series) -> Any:
    return column.fillna(-1).to_numpy(dtype=np.int64)
