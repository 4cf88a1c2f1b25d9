"""`count`, the keyed function of sharded steps: an adapter between Flink's elements and keyed state."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from time import time

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from operators.control.control_topic import read_control
from operators.control.release_cache import ReleaseCache
from operators.core.memory import collect_garbage_rarely
from operators.flink.python_worker import prepare_worker
from operators.kafka.connection import Connection
from operators.models.runtimes.batched import WindowRules
from operators.rows.chunks import decode
from operators.storage.trusted_roots import ArtifactPolicy
from operators.windows.shard import Shard
from operators.windows.step_configs import StepConfigs

BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
MESSAGE_TYPE = Types.ROW_NAMED(["chunk"], [BYTES])
# A shard holds rows for at most this long.
_FLUSH_MS = 1_000


class CountFunction(KeyedProcessFunction):  # type: ignore[misc]
    """Counts the chunks of a shard; emits counted rows for the monitor. The parameters are the monitor's."""

    def __init__(self, connection: Connection, rules: WindowRules, site: ArtifactPolicy) -> None:
        self._connection = connection
        self._rules = rules
        self._site = site

    def open(self, runtime_context: RuntimeContext) -> None:
        """Bind the keyed state."""
        prepare_worker()
        releases = ReleaseCache(self._connection.topics, partial(read_control, self._connection))
        self._shard = Shard(
            runtime_context.get_state(ValueStateDescriptor("held", BYTES)),
            runtime_context.get_list_state(ListStateDescriptor("panes", BYTES)),
            StepConfigs(releases, self._site, self._rules),
        )
        collect_garbage_rarely()

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Count an encoded chunk, and yield what the monitor has to know."""
        messages, has_begun = self._shard.take(decode(bytes(value[0])))
        if has_begun:
            ctx.timer_service().register_processing_time_timer(int(time() * 1000) + _FLUSH_MS)
        yield from map(Row, messages)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Row]:
        """Yield what the shard holds."""
        yield from map(Row, self._shard.flush())
