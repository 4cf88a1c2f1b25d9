"""Reading a CSV file into columns of numbers and words; every guess is reported in the notes."""

from __future__ import annotations

import codecs
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

from jobs.data.cell_remedies import remedy
from jobs.data.column_values import is_code, marked_values, number, plain, starting_with_zero
from jobs.data.table_format import TableFormat
from operators.core.errors import DeploymentError

_SEPARATORS = {";": "';'", "\t": "tab", "|": "'|'", ",": "','"}
_UTF8 = ("utf-8", "utf-8-sig")
# Tables of text may contain very long cells.
_MAX_CELL_LENGTH = 100 * 1024 * 1024


class CsvTable(NamedTuple):
    """Columns by name, the number of missing cells of each column by word, and notes for the user."""

    columns: dict[str, pd.Series]
    missing: dict[str, dict[str, int]]
    notes: list[str]


class _Lines(NamedTuple):
    header: list[str]
    rows: list[list[str]]
    notes: list[str]


def read_csv(path: Path, form: TableFormat) -> CsvTable:
    """Read a CSV with a header line. DeploymentError names the line or the byte that cannot be read."""
    notes: list[str] = []
    lines = _lines(path, _text(path, form.encoding, notes), form.separator)
    cells = list(zip(*lines.rows, strict=True)) or [()] * len(lines.header)
    columns: dict[str, pd.Series] = {}
    missing: dict[str, dict[str, int]] = {}
    notes += [*_numbers_as_names(lines.header), *lines.notes]
    for name, column, why_dropped in _named_columns(path, lines.header, cells):
        if why_dropped:
            notes.append(why_dropped)
            continue
        columns[name], missing[name] = _parse_cells(np.array(column, dtype=object), form)
        notes += [*_codes(name, columns[name]), *_other_marks(name, column, columns[name], form)]
    return CsvTable(columns, missing, notes)


def _text(path: Path, encoding: str, notes: list[str]) -> str:
    """Return the text of a file without its byte order mark; add to `notes` if this changes the encoding."""
    with fsspec.open(path.as_posix(), "rb", compression="infer") as file:
        content: bytes = file.read()
    if content.startswith(codecs.BOM_UTF8) and codecs.lookup(encoding).name not in _UTF8:
        notes.append(f"it begins with the byte order mark of UTF-8, so it is read as utf-8, not {encoding}")
        encoding = "utf-8"
    try:
        text = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DeploymentError(
            f"{path} is not {encoding}: byte 0x{content[error.start]:02x} in line {line} is not valid; "
            "set the encoding with --encoding (latin-1 and cp1252 are common)"
        ) from None
    if "\0" in text:
        raise DeploymentError(
            f"{path} contains zero bytes, so it is not {encoding}; is it UTF-16 (--encoding utf-16-le)?"
        )
    return text


def _lines(path: Path, text: str, separator: str) -> _Lines:
    """Split a text into cells; every row has as many cells as the header."""
    csv.field_size_limit(_MAX_CELL_LENGTH)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        header = next((cells for cells in reader if cells), None)
        if header is None:
            raise DeploymentError(f"{path} is empty; it must have a header line and rows")
        _refuse_other_separator(path, header, separator)
        return _read_rows(path, [name.strip() for name in header], reader)
    except csv.Error as error:
        raise DeploymentError(
            f"{path} cannot be read as CSV: line {reader.line_num}: {error}; double a quote inside a "
            'quoted cell ("")'
        ) from None


def _read_rows(path: Path, header: list[str], reader: Any) -> _Lines:
    """Pad or cut every row to the width of the header; note which rows had another width."""
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
                    f"{path}: line {reader.line_num} has {len(cells)} cells, the header has {width}: quote a "
                    "cell that contains the separator, or set another separator with --separator"
                )
            (trailing if len(cells) > width else short).append(len(rows))
            cells = [*cells[:width], *[""] * (width - len(cells))]
        rows.append(cells)
    return _Lines(
        header,
        rows,
        [
            *_note(short, "fewer cells than the header; the rest are missing"),
            *_note(trailing, "empty cells after the last column, which are ignored"),
        ],
    )


def _note(rows: Sequence[int], what: str) -> Iterator[str]:
    if rows:
        have = "1 row has" if len(rows) == 1 else f"{len(rows):,} rows have"
        yield f"{have} {what} (first row {rows[0]}, counted from 0)"


def _numbers_as_names(header: list[str]) -> Iterator[str]:
    """Note a header that looks like a row of values, except 0, 1, 2, …, which are names that pandas gives."""
    numeric = [name for name in header if number(name) is not None]
    if numeric and header != [str(i) for i in range(len(header))]:
        yield f"the first line is read as the header, but one of its names is a number, {numeric[0]!r}"


def _refuse_other_separator(path: Path, header: list[str], separator: str) -> None:
    others = [one for one in _SEPARATORS if one != separator and len(header) == 1 and one in header[0]]
    if others:
        raise DeploymentError(
            f"{path}: the header has a single column, {header[0]!r}: if the separator is "
            f"{_SEPARATORS[others[0]]}, use --separator {_SEPARATORS[others[0]]}"
        )


def _named_columns(
    path: Path, header: list[str], cells: Sequence[Sequence[str]]
) -> Iterator[tuple[str, Sequence[str], str]]:
    """Yield the name and the cells of each column, and the reason if the column is left out, else ''."""
    duplicates = [name for name, times in Counter(header).items() if times > 1 and name]
    if duplicates:
        positions = ", ".join(str(i + 1) for i, name in enumerate(header) if name == duplicates[0])
        raise DeploymentError(
            f"{path}: columns {positions} are all named {duplicates[0]!r}: rename all but one"
        )
    for position, (name, column) in enumerate(zip(header, cells, strict=True)):
        why_dropped = "" if name else _why_dropped(column, position)
        if not name and not why_dropped:
            raise DeploymentError(
                f"{path}: column {position + 1} has no name in the header: name it, or write the table "
                "without it (pandas: to_csv(index=False))"
            )
        yield name, column, why_dropped


def _why_dropped(cells: Sequence[str], position: int) -> str:
    """Return why a column without a name is left out; empty if it has to be named."""
    if not any(cell.strip() for cell in cells):
        return f"column {position + 1} has neither a name nor a value and is left out"
    first = cells[0].strip()
    numbered = position == 0 and first in ("0", "1")
    if numbered and all(cell.strip() == str(row) for row, cell in enumerate(cells, start=int(first))):
        return "column 1 has no name and contains row numbers; it is left out"
    return ""


def _parse_cells(cells: NDArray[Any], form: TableFormat) -> tuple[pd.Series, dict[str, int]]:
    """Return cells as numbers if all are numbers, else as words; and the count of missing cells by word."""
    codes, distinct = pd.factorize(cells)
    texts: list[str] = distinct.tolist()
    counts = np.bincount(codes, minlength=len(texts)).tolist()
    missing = {text for text in texts if text.strip() in ("", *form.csv_words())}
    values: dict[str, Any] = {text: _number(text, form.decimal) for text in texts if text not in missing}
    if all(value is not None for value in values.values()) and not any(map(is_code, values)):
        missing |= {text for text, value in values.items() if value != value}  # NaN
    else:
        values = {
            text: text if value is None else _with_point(text, form.decimal) for text, value in values.items()
        }
    by_code: NDArray[Any] = np.array([*(None if text in missing else values[text] for text in texts), None])
    missing_cells: Counter[str] = Counter()
    for text, times in zip(texts, counts, strict=True):
        if text in missing:
            missing_cells[text.strip()] += times
    return plain(pd.Series(by_code.astype(object)[codes], dtype=object)), dict(missing_cells)


def _number(text: str, decimal: str) -> float | int | None:
    """Parse a number; a whole number becomes an int, which stays exact."""
    if decimal == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    value = number(text)
    digits = text.strip().lstrip("+-")
    return int(text) if digits.isdigit() and value is not None else value


def _with_point(text: str, decimal: str) -> str:
    """Return the text of a number with a decimal point, as requests write it."""
    return text.replace(decimal, ".")


def _codes(name: str, column: pd.Series) -> Iterator[str]:
    if column.dtype.kind == "O":
        codes = starting_with_zero(column)
        if codes:
            what = codes.describe("number that begins with a zero", "numbers that begin with a zero")
            yield f"column {name!r} is read as words: it has {what}; if they are quantities, use --numeric"


def _other_marks(name: str, cells: Sequence[str], column: pd.Series, form: TableFormat) -> Iterator[str]:
    """Note numbers with a point where the decimal mark is a comma: they may have thousands separators."""
    if form.decimal == "," and column.dtype.kind == "O":
        mask = np.array(["." in cell and number(cell) is not None for cell in cells])
        if found := marked_values(mask, column):
            what = found.describe("number with a point", "numbers with a point")
            yield f"column {name!r} is read as words: it has {what}{remedy(found.example, form)}"
