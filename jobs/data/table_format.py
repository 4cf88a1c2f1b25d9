"""The format of a table file: separator, decimal sign, encoding and the words for missing values."""

from __future__ import annotations

import codecs
from typing import NamedTuple

from operators.core.errors import DeploymentError

# Words for a missing value in a CSV, besides the empty cell.
MISSING_WORDS = ("?",)


class TableFormat(NamedTuple):
    """The format of a CSV file; `missing_values` applies to Parquet too.

    `missing_values` are the words that mean missing, besides the empty cell of a CSV and null in Parquet.
    None is the default: `?` in a CSV and no word in Parquet.
    """

    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    missing_values: tuple[str, ...] | None = None

    def check(self) -> TableFormat:
        """Return the format with `\\\\t` and `tab` replaced by a tab; DeploymentError if it is invalid."""
        separator = {"\\t": "\t", "tab": "\t"}.get(self.separator, self.separator)
        if len(separator) != 1 or separator in '"\r\n':
            raise DeploymentError(f"--separator is {self.separator!r}; it must be one character, or tab")
        if self.decimal not in (".", ","):
            raise DeploymentError(f"--decimal is {self.decimal!r}; it must be a point or a comma")
        if self.decimal == separator:
            raise DeploymentError(
                "--decimal and --separator are both a comma: set the separator, for example --separator ';'"
            )
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise DeploymentError(
                f"--encoding {self.encoding!r} is unknown; utf-8, latin-1 and cp1252 are common"
            ) from None
        return self._replace(separator=separator)

    def csv_words(self) -> tuple[str, ...]:
        """Return the words that mean missing in a CSV."""
        return MISSING_WORDS if self.missing_values is None else self.missing_values


def words_of(text: str | None) -> tuple[str, ...] | None:
    """Return the comma-separated words of `--missing-values`; None if the option is not given.

    >>> words_of("?, NA"), words_of(""), words_of(None)
    (('?', 'NA'), (), None)
    """
    if text is None:
        return None
    return tuple(word.strip() for word in text.split(",") if word.strip())
