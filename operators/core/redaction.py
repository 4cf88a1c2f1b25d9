"""Redaction of fields: their names and values are not in reports, alerts, metrics or taps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HIDDEN = "(redacted)"


class Redaction(frozenset[str]):
    """The names of hidden features; columns that encode one, such as `NAME=category`, are hidden too."""

    @classmethod
    def of_document(cls, monitor: Mapping[str, Any] | None) -> Redaction:
        """Return the redaction of a Monitor document, an empty one if there is no document."""
        return cls(monitor["spec"].get("redact", ())) if monitor else cls()

    def name(self, column: str) -> str:
        """Return the name of a column or feature, or `(redacted)`. When in doubt, redact.

        A column is hidden if it encodes a hidden feature: as `NAME=category`, or as scikit-learn names it. If
        any feature is hidden, columns that have only a number are hidden too.

        >>> redaction = Redaction(["age", "sex"])
        >>> columns = ("age", "sex=Male", "num__age", "cat__sex_Male", "ages", "7")
        >>> [redaction.name(column) for column in columns]
        ['(redacted)', '(redacted)', '(redacted)', '(redacted)', 'ages', '(redacted)']
        """
        if not self:
            return column
        bare = column.rpartition("__")[2]
        hidden = any(bare == name or bare.startswith((f"{name}=", f"{name}_")) for name in self)
        return HIDDEN if hidden or column in self or column.isdigit() else column
