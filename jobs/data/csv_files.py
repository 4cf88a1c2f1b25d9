"""A CSV → columns of numbers and of words, without a guess that is not told."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import fsspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.data.column_values import is_code, number, plain, starting_with_zero
from jobs.data.table_format import TableFormat
from operators.core.errors import DeploymentError

_SEPARATORS = {";": "';'", "\t": "tab", "|": "'|'", ",": "','"}
# Some tables of text hold one very long cell.
_LONGEST_CELL = 100 * 1024 * 1024


class CsvTable(NamedTuple):
    """Columns by name, how many cells of each were taken as missing by which word, and what to tell."""

    columns: dict[str, pd.Series]
    missing: dict[str, dict[str, int]]
    notes: list[str]


class _Lines(NamedTuple):
    header: list[str]
    rows: list[list[str]]
    notes: list[str]


def read_csv(path: Path, form: TableFormat) -> CsvTable:
    """Read a CSV with a header line. DeploymentError says which line, or which byte, cannot be read."""
    lines = _lines(path, _text(path, form.encoding), form.separator)
    cells = list(zip(*lines.rows, strict=True)) or [()] * len(lines.header)
    columns: dict[str, pd.Series] = {}
    missing: dict[str, dict[str, int]] = {}
    notes = [*_numbers_as_names(lines.header), *lines.notes]
    for name, of_column, without in _named(path, lines.header, cells):
        if without:
            notes.append(without)
            continue
        columns[name], missing[name] = _typed(np.array(of_column, dtype=object), form)
        notes += _codes(name, columns[name])
    return CsvTable(columns, missing, notes)


def _text(path: Path, encoding: str) -> str:
    with fsspec.open(path.as_posix(), "rb", compression="infer") as file:
        content: bytes = file.read()
    try:
        text = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DeploymentError(
            f"{path} is not {encoding}: byte 0x{content[error.start]:02x} in line {line} does not belong "
            "there; name the encoding with --encoding (latin-1 or cp1252 are common)"
        ) from None
    if "\0" in text:
        raise DeploymentError(
            f"{path} holds zero bytes, which no {encoding} text does; is it UTF-16 (--encoding utf-16-le)?"
        )
    return text


def _lines(path: Path, text: str, separator: str) -> _Lines:
    """Split into cells; every row has as many as the header."""
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        header = next((cells for cells in reader if cells), None)
        if header is None:
            raise DeploymentError(f"{path} is empty: a header line and rows are needed")
        _refuse_other_separator(path, header, separator)
        return _fitted(path, [name.strip() for name in header], reader)
    except csv.Error as error:
        raise DeploymentError(
            f"{path} cannot be read as CSV: line {reader.line_num}: {error}; a quote inside a quoted cell is "
            'written twice ("")'
        ) from None


def _fitted(path: Path, header: list[str], reader: Any) -> _Lines:
    width = len(header)
    rows: list[list[str]] = []
    short: list[int] = []
    trailing: list[int] = []
    for cells in reader:
        if len(cells) != width:
            if not cells and width > 1:  # a blank line
                continue
            if any(cell.strip() for cell in cells[width:]):
                raise DeploymentError(
                    f"{path}: line {reader.line_num} has {len(cells)} cells, the header {width}: put quotes "
                    "around a cell that holds the separator, or name another one with --separator"
                )
            (trailing if len(cells) > width else short).append(len(rows))
            cells = [*cells[:width], *[""] * (width - len(cells))]
        rows.append(cells)
    return _Lines(
        header,
        rows,
        [
            *_told(short, "fewer cells than the header, the rest is missing"),
            *_told(trailing, "empty cells behind the last column, left out"),
        ],
    )


def _told(rows: Sequence[int], what: str) -> Iterator[str]:
    if rows:
        have = "1 row has" if len(rows) == 1 else f"{len(rows):,} rows have"
        yield f"{have} {what} (first row {rows[0]}, counted from 0)"


def _numbers_as_names(header: list[str]) -> Iterator[str]:
    """Tell a header that looks like a row; pandas names columns 0, 1, 2, … itself."""
    found = [name for name in header if number(name) is not None]
    if found and header != [str(i) for i in range(len(header))]:
        yield f"the first line is taken for the header, and a name in it is a number, {found[0]!r}"


def _refuse_other_separator(path: Path, header: list[str], separator: str) -> None:
    found = [one for one in _SEPARATORS if one != separator and len(header) == 1 and one in header[0]]
    if found:
        raise DeploymentError(
            f"{path}: the header is a single column, {header[0]!r}: is it separated by "
            f"{_SEPARATORS[found[0]]}? Then say --separator {_SEPARATORS[found[0]]}"
        )


def _named(
    path: Path, header: list[str], cells: Sequence[Sequence[str]]
) -> Iterator[tuple[str, Sequence[str], str]]:
    """Yield each column's name and cells, and why it is left out where it is."""
    twice = [name for name, times in Counter(header).items() if times > 1 and name]
    if twice:
        at = ", ".join(str(i + 1) for i, name in enumerate(header) if name == twice[0])
        raise DeploymentError(f"{path}: columns {at} are all named {twice[0]!r}: rename all but one")
    for position, (name, of_column) in enumerate(zip(header, cells, strict=True)):
        without = "" if name else _nameless(of_column, position)
        if not name and not without:
            raise DeploymentError(
                f"{path}: column {position + 1} has no name in the header: name it, or write the table "
                "without it (pandas: to_csv(index=False))"
            )
        yield name, of_column, without


def _nameless(cells: Sequence[str], position: int) -> str:
    """Say why a column without a name can be left out, if it can."""
    if not any(cell.strip() for cell in cells):
        return f"column {position + 1} has neither a name nor a value: it is left out"
    first = cells[0].strip()
    numbered = position == 0 and first in ("0", "1")
    if numbered and all(cell.strip() == str(row) for row, cell in enumerate(cells, start=int(first))):
        return "column 1 has no name and holds row numbers: it is left out"
    return ""


def _typed(cells: NDArray[Any], form: TableFormat) -> tuple[pd.Series, dict[str, int]]:
    """Return cells as numbers where all of them are, else as words; and the words that meant missing."""
    codes, distinct = pd.factorize(cells)
    texts: list[str] = distinct.tolist()
    counts = np.bincount(codes, minlength=len(texts)).tolist()
    absent = {text for text in texts if text.strip() in ("", *form.csv_words())}
    values: dict[str, Any] = {text: _number(text, form.decimal) for text in texts if text not in absent}
    if all(one is not None for one in values.values()) and not any(map(is_code, values)):
        absent |= {text for text, one in values.items() if one != one}
    else:
        values = {text: text if one is None else _pointed(text, form.decimal) for text, one in values.items()}
    held: NDArray[Any] = np.array([*(None if text in absent else values[text] for text in texts), None])
    missing: Counter[str] = Counter()
    for text, times in zip(texts, counts, strict=True):
        if text in absent:
            missing[text.strip()] += times
    return plain(pd.Series(held.astype(object)[codes], dtype=object)), dict(missing)


def _number(text: str, decimal: str) -> float | int | None:
    """Read a number; a whole one as int, which stays exact."""
    if decimal == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    value = number(text)
    digits = text.strip().lstrip("+-")
    return int(text) if digits.isdigit() and value is not None else value


def _pointed(text: str, decimal: str) -> str:
    """Write a number that stays among words as everybody reads it."""
    return text.replace(decimal, ".")


def _codes(name: str, column: pd.Series) -> Iterator[str]:
    if column.dtype.kind == "O":
        codes = starting_with_zero(column)
        if codes:
            what = codes.told("number that begins with a zero", "numbers that begin with a zero")
            yield f"column {name!r} is read as words: it has {what}; if they are quantities, --numeric"
