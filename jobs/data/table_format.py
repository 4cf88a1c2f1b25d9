"""How a table is written: what separates its cells, and which of them are missing."""

from __future__ import annotations

import codecs
from typing import NamedTuple

from operators.core.errors import DeploymentError

# In a CSV, besides the empty cell.
MISSING_WORDS = ("?",)


class TableFormat(NamedTuple):
    """`missing_values` are the words that mean missing, besides the empty cell of a CSV.

    None stands for `?` in a CSV and for no word in Parquet, where null means missing.
    """

    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    missing_values: tuple[str, ...] | None = None

    def check(self) -> TableFormat:
        """Return it with `\\\\t` read as a tab; DeploymentError for what cannot be."""
        separator = {"\\t": "\t", "tab": "\t"}.get(self.separator, self.separator)
        if len(separator) != 1 or separator in '"\r\n':
            raise DeploymentError(f"--separator must be one character, or tab; it is {self.separator!r}")
        if self.decimal not in (".", ","):
            raise DeploymentError(f"--decimal must be a point or a comma; it is {self.decimal!r}")
        if self.decimal == separator:
            raise DeploymentError(
                "--decimal and --separator are both a comma: name the separator, such as --separator ';'"
            )
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise DeploymentError(
                f"--encoding {self.encoding!r} is not known: UTF-8, latin-1 and cp1252 are common"
            ) from None
        return self._replace(separator=separator)

    def csv_words(self) -> tuple[str, ...]:
        """Return the words that mean missing in a CSV."""
        return MISSING_WORDS if self.missing_values is None else self.missing_values


def words_of(text: str | None) -> tuple[str, ...] | None:
    """Split what `--missing-values` names, by commas; None where the option is not given.

    >>> words_of("?, NA"), words_of(""), words_of(None)
    (('?', 'NA'), (), None)
    """
    if text is None:
        return None
    return tuple(word.strip() for word in text.split(",") if word.strip())
