"""Remedies for cells that are not numbers: the options that read them, and what to change in the file."""

from __future__ import annotations

import re

from jobs.data.column_values import number
from jobs.data.table_format import TableFormat

# Groups of three digits, with a decimal mark that is not the mark between the groups.
_GROUPED = re.compile(
    r"[+-]?[0-9]{1,3}(?P<between>[.,'’ \u00a0\u202f])[0-9]{3}(?:(?P=between)[0-9]{3})*"
    r"(?:(?!(?P=between))(?P<mark>[.,])[0-9]+)?"
)
_DEFAULT = TableFormat()


def remedy(text: str, form: TableFormat = _DEFAULT) -> str:
    """Return how to have a word read as a number or as missing, as the end of a message.

    `form` is the format in which the word was read; its words for missing values are kept.

    >>> remedy("1,5")
    '; if it is a decimal number, use --decimal ,'
    >>> remedy("1,575.44")
    '; remove the thousands separators'
    >>> remedy("-", TableFormat(missing_values=("?", "n/a")))
    "; if it means missing, use --missing-values '?,n/a,-'"
    """
    text, other = text.strip(), "," if form.decimal == "." else "."
    decimal = number(text.replace(other, ".")) is not None and other in text
    grouped = _GROUPED.fullmatch(text)
    if grouped and decimal:  # such as 1,234
        return (
            f"; if {other!r} separates thousands, remove it; if it is a decimal mark, use --decimal {other}"
        )
    if grouped:
        change = f", and use --decimal {other}" if grouped["mark"] == other else ""
        return f"; remove the thousands separators{change}"
    if decimal:
        return f"; if it is a decimal number, use --decimal {other}"
    return f"; if it means missing, use --missing-values {','.join((*form.csv_words(), text))!r}"
