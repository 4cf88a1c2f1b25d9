"""The vectorised function of the job: an adapter between Flink's columns and the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pyflink.table.udf import FunctionContext, ScalarFunction

from operators.control import Connection, read_control
from operators.engine import Engine, Records
from operators.flags import LastVerdicts
from operators.orphans import exit_with_task_manager
from operators.releases import Served, serve


class Infer(ScalarFunction):  # type: ignore[misc]
    """Answers micro-batches of records with the pipelines that the control topic says are live."""

    def __init__(self, connection: Connection, limit: int) -> None:
        self._connection = connection
        self._limit = limit

    def open(self, function_context: FunctionContext) -> None:
        """Load the live releases and start to follow the last verdicts."""
        exit_with_task_manager()
        served = [serve(release) for release in read_control(self._connection).live()]
        self._verdicts = LastVerdicts(self._connection, sorted({s for one in served for s in _batched(one)}))
        self._verdicts.start()
        self._engine = Engine(served, self._connection.topics, self._limit, self._verdicts.of)

    def close(self) -> None:
        """Stop the background thread."""
        self._verdicts.close()

    def eval(self, *columns: pd.Series) -> pd.DataFrame:
        """Answer one micro-batch: value, topic, partition, offset, timestamp in ms, length."""
        value, topic, partition, offset, timestamp, length = columns
        records = Records(
            value.tolist(),
            [None if pd.isna(name) else name for name in topic.tolist()],
            _numbers(partition),
            _numbers(offset),
            timestamp.to_numpy(dtype="datetime64[ms]").astype(np.int64),
            _numbers(length),
        )
        return pd.DataFrame(self._engine.answer(records)._asdict())


def _batched(served: Served) -> list[str]:
    return [planned.name for planned in served.plan.steps if planned.window]


def _numbers(column: pd.Series) -> Any:
    return column.fillna(-1).to_numpy(dtype=np.int64)
