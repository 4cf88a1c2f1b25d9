"""Tables in kubectl's format; cells are never truncated, so that grep finds their text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from operators.core.printable import one_cell

_GAP = 3


def print_columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows below a header, each column as wide as its longest cell."""
    lines = [[name.upper() for name in header], *([one_cell(str(cell)) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) + _GAP for i in range(len(header))]
    for line in lines:
        print("".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
