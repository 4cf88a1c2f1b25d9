"""docs/folders.svg: the folders of each layer in the order of their imports (`make docs`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.import_order import LAYERS, ORDER

PICTURE = Path(__file__).with_name("folders.svg")
_WIDTH, _MARGIN, _GAP = 960, 20, 10
_BOX_HEIGHT, _HEADING, _BOXES_A_ROW = 44, 34, 7
_FILLS = {"jobs": "#fff7e6", "operators": "#f4f7fb", "detectors": "#eef8f1"}


def draw() -> str:
    """Return the picture as SVG, the highest layer on top."""
    parts, top = [], 52
    for layer in reversed(LAYERS):
        folders = [name for name in ORDER[layer].split() if f"{layer}/{name}" in ORDER]
        rows = -(-len(folders) // _BOXES_A_ROW)
        height = _HEADING + rows * (_BOX_HEIGHT + _GAP) + _GAP
        parts += _panel(layer, folders, top, height)
        top += height + 26
    return "\n".join([*_opening(top), *parts, "</svg>", ""])


def _opening(height: int) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="13">'
    )
    yield "  <title>Folders of the three layers. A folder imports only those to its left and below.</title>"
    yield f'  <rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
    yield (
        f'  <text x="{_MARGIN}" y="30" fill="#52667a">A folder imports only folders to its left (and in the '
        "rows above it) in its own layer, and the layers below.</text>"
    )


def _panel(layer: str, folders: list[str], top: int, height: int) -> Iterator[str]:
    width = _WIDTH - 2 * _MARGIN
    yield (
        f'  <rect x="{_MARGIN}" y="{top}" width="{width}" height="{height}" rx="8" '
        f'fill="{_FILLS[layer]}" stroke="#9fb3c8"/>'
    )
    yield f'  <text x="{_MARGIN + 12}" y="{top + 22}" font-weight="bold" fill="#1f2d3d">{layer}/</text>'
    step = (width - _GAP) / _BOXES_A_ROW
    for i, folder in enumerate(folders):
        row, column = divmod(i, _BOXES_A_ROW)
        x, y = _MARGIN + _GAP + column * step, top + _HEADING + row * (_BOX_HEIGHT + _GAP)
        yield from _box(folder, _modules(f"{layer}/{folder}"), x, y, step - _GAP)


def _box(folder: str, modules: int, x: float, y: int, width: float) -> Iterator[str]:
    middle = x + width / 2
    yield (
        f'  <rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="{_BOX_HEIGHT}" rx="5" '
        'fill="#ffffff" stroke="#2f5d8a"/>'
    )
    yield f'  <text x="{middle:.0f}" y="{y + 19}" text-anchor="middle" fill="#1f2d3d">{folder}</text>'
    yield (
        f'  <text x="{middle:.0f}" y="{y + 35}" text-anchor="middle" font-size="11" fill="#52667a">'
        f"{modules} modules</text>"
    )


def _modules(folder: str) -> int:
    """Return the number of modules in a folder and those below it."""
    names = ORDER[folder].split()
    return sum(_modules(f"{folder}/{name}") if f"{folder}/{name}" in ORDER else 1 for name in names)


if __name__ == "__main__":
    PICTURE.write_text(draw(), "utf-8")
