"""Fields that a Monitor hides: neither names nor values leave in reports, alerts, metrics or taps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HIDDEN = "(redacted)"


class Redaction(frozenset[str]):
    """Names of features that are hidden, and with them the columns that encode them, as `NAME=category`."""

    @classmethod
    def of_document(cls, monitor: Mapping[str, Any] | None) -> Redaction:
        """Return what a Monitor document hides, nothing where there is none."""
        return cls(monitor["spec"].get("redact", ())) if monitor else cls()

    def name(self, column: str) -> str:
        """Return a column's or feature's name, or that it is hidden: rather too much than too little.

        A column hides as the feature that it encodes, as `NAME=category`, or as scikit-learn names it. Where
        something is hidden, a column that only has a number may be it.

        >>> hides = Redaction(["age", "sex"])
        >>> [hides.name(column) for column in ("age", "sex=Male", "num__age", "cat__sex_Male", "ages", "7")]
        ['(redacted)', '(redacted)', '(redacted)', '(redacted)', 'ages', '(redacted)']
        """
        if not self:
            return column
        bare = column.rpartition("__")[2]
        hidden = any(bare == name or bare.startswith((f"{name}=", f"{name}_")) for name in self)
        return HIDDEN if hidden or column in self or column.isdigit() else column

    def about(self, about: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a report tells of features without the names and histograms of hidden ones."""
        features = about.get("features", ())
        told = {**about, "features": [self._renamed(one) for one in features]}
        told["ranked"] = [self.name(feature) for feature in about.get("ranked", ())]
        if "histograms" in about:
            renamed = zip(features, told["features"], strict=True)
            hidden = {before.get("column") for before, after in renamed if after.get("column") == HIDDEN}
            told["histograms"] = [
                one
                for one in about["histograms"]
                if one["column"] not in hidden and self.name(one["column"]) != HIDDEN
            ]
        return told

    def _renamed(self, told: dict[str, Any]) -> dict[str, Any]:
        names = {key: self.name(told[key]) for key in ("column", "feature") if key in told}
        if HIDDEN in names.values():
            names = dict.fromkeys(names, HIDDEN)
        return {**told, **names}
