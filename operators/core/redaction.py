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

    def about(self, about: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part of a report about features, without names and histograms of hidden features."""
        features = about.get("features", ())
        redacted = {**about, "features": [self._redact_feature(feature) for feature in features]}
        redacted["ranked"] = [self.name(feature) for feature in about.get("ranked", ())]
        if "histograms" in about:
            pairs = zip(features, redacted["features"], strict=True)
            hidden = {before.get("column") for before, after in pairs if after.get("column") == HIDDEN}
            redacted["histograms"] = [
                histogram
                for histogram in about["histograms"]
                if histogram["column"] not in hidden and self.name(histogram["column"]) != HIDDEN
            ]
        return redacted

    def _redact_feature(self, feature: dict[str, Any]) -> dict[str, Any]:
        names = {key: self.name(feature[key]) for key in ("column", "feature") if key in feature}
        if HIDDEN in names.values():
            names = dict.fromkeys(names, HIDDEN)
        return {**feature, **names}
