"""A shard counts the rows of a step that one subtask of `infer` sends, before they arrive at their window."""

from __future__ import annotations

import msgspec

from operators.core.state import Blobs, Value, pack, unpack
from operators.resources.seldon_schema import Batch
from operators.rows.chunks import Chunk, SubtaskId
from operators.rows.counted_rows import CountedRows
from operators.rows.lineage import lineage_of
from operators.rows.pane import Pane, decode_pane, merge
from operators.windows.step_configs import StepConfigs

_VERSION = 1
# A shard sends its rows when it has this share of a window, and at most so many.
_SHARE = 20
_MOST_ROWS = 50_000


class _Held(msgspec.Struct, frozen=True, array_like=True):
    """The rows that a shard holds: their epoch, their number, and the subtask that sent them."""

    epoch: int
    rows: int
    sender: SubtaskId


class Shard:
    """Counts the chunks of the shard that is the current key, and sends them on as counted rows.

    Rows are sent when there are enough of them, or by `flush`, which is due a second after the first of them.
    Windows of a sharded step are therefore up to a twentieth larger than their size, and close up to a second
    later. State is kept in `held` and `panes`.
    """

    def __init__(self, held: Value, panes: Blobs, configs: StepConfigs) -> None:
        self._held = held
        self._panes = panes
        self._configs = configs

    def take(self, chunk: Chunk) -> tuple[list[bytes], bool]:
        """Count a chunk's rows. Return the messages to the monitor, and whether a `flush` must be scheduled.

        Rows of an earlier epoch are sent as they are: the monitor decides whether they are late.
        """
        held = self._load() or _Held(chunk.epoch, 0, chunk.sender)
        if chunk.epoch < held.epoch:
            return [chunk.encode()], False
        messages = self.flush() if chunk.epoch > held.epoch else []
        rows = 0 if messages else held.rows
        was_empty, start = not rows, 0
        config = self._configs.load(chunk)
        most = most_rows(config.batch)
        while start < len(chunk.rows):
            part = chunk.part(start, start + most - rows)
            self._panes.add(Pane(lineage_of(part), config.step.count(part.rows)).encode())
            start, rows = start + len(part.rows), rows + len(part.rows)
            self._store(_Held(chunk.epoch, rows, chunk.sender))
            if rows == most:
                messages += self.flush()
                rows = 0
        return messages, was_empty and rows > 0

    def flush(self) -> list[bytes]:
        """Return what the shard holds as messages to the monitor, and forget it."""
        held = self._load()
        if not held or not held.rows:
            return []
        panes = [decode_pane(bytes(blob)) for blob in self._panes.get()]
        # After a restart, or with rows of an earlier epoch, the model that adds counts may not be loaded.
        config = self._configs.loaded_for(panes[0].lineage.key, held.epoch)
        merged = [merge(panes, config.step.add)] if config else panes
        self._panes.clear()
        self._store(msgspec.structs.replace(held, rows=0))
        return [CountedRows(held.epoch, held.sender, pane).encode() for pane in merged]

    def _load(self) -> _Held | None:
        stored = self._held.value()
        return unpack(stored, _Held, _VERSION, "shard state") if stored else None

    def _store(self, held: _Held) -> None:
        self._held.update(pack(held, _VERSION))


def most_rows(batch: Batch) -> int:
    """Return the number of rows that a shard holds at most."""
    return min(_MOST_ROWS, max(1, batch.rows // _SHARE))


def shard_key(chunk_key: str, sender: SubtaskId) -> str:
    """Return the key of a shard's state: each subtask of `infer` has a shard of each sharded step."""
    return f"{chunk_key}#{sender.subtask}"
