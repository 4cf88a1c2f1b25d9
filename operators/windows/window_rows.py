"""The rows of a step's open window in keyed state: pending rows as chunks, counted rows as panes."""

from __future__ import annotations

from operators.core.state import Blobs
from operators.pipeline.load import BatchedStepConfig
from operators.rows.chunks import Chunk, decode, join
from operators.rows.lineage import Lineage, lineage_of, merge_lineages
from operators.rows.pane import Pane, compact, decode_pane

_MAX_PANES = 24


class WindowRows:
    """Holds the rows of the window that `OpenWindow` describes, for the current key.

    Added rows are in memory until they are counted or saved: most are counted at once, and need no state.
    """

    def __init__(self, chunks: Blobs, panes: Blobs) -> None:
        self._chunks = chunks
        self._panes = panes
        self._added: list[Chunk] = []

    def add(self, chunk: Chunk) -> None:
        """Add pending rows; call `save` before the key changes."""
        self._added.append(chunk)

    def save(self) -> None:
        """Write the added rows to state."""
        for chunk in self._added:
            self._chunks.add(chunk.encode())
        self._added = []

    def count(self, panes: int, config: BatchedStepConfig) -> int:
        """Count the pending rows into a pane. Return the number of panes, of which there are `panes` now."""
        pending = join(self._pending())
        self._clear_pending()
        return self.add_pane(Pane(lineage_of(pending), config.step.count(pending.rows)), panes, config)

    def add_pane(self, pane: Pane, panes: int, config: BatchedStepConfig) -> int:
        """Add counted rows. Return the number of panes, of which there are `panes` now."""
        self._panes.add(pane.encode())
        if panes < _MAX_PANES:
            return panes + 1
        return self.replace_panes(compact(self.panes(), config.batch.slide, config.step.add))

    def panes(self) -> list[Pane]:
        """Return the counted rows."""
        return [decode_pane(bytes(blob)) for blob in self._panes.get()]

    def replace_panes(self, panes: list[Pane]) -> int:
        """Replace the counted rows. Return the number of panes."""
        self._panes.update([pane.encode() for pane in panes])
        return len(panes)

    def lineage(self) -> Lineage:
        """Return the lineage of all rows, pending and counted."""
        counted = [pane.lineage for pane in self.panes()]
        return merge_lineages([*map(lineage_of, self._pending()), *counted])

    def clear(self) -> None:
        """Delete all rows."""
        self._clear_pending()
        self._panes.clear()

    def _pending(self) -> list[Chunk]:
        return [*(decode(bytes(blob)) for blob in self._chunks.get()), *self._added]

    def _clear_pending(self) -> None:
        self._chunks.clear()
        self._added = []
