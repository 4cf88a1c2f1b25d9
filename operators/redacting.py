"""Fields that a Monitor hides: neither names nor values leave in reports, alerts, metrics or taps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from operators.steps.watching import Verdict

HIDDEN = "(redacted)"


class Redaction(frozenset[str]):
    """Names of features that are hidden, and with them the columns that encode them, as `NAME=category`."""

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

    def verdict(self, verdict: Verdict) -> Verdict:
        """Return a verdict without names and histograms of hidden features; how far they moved stays."""
        return verdict._replace(about=self.about(verdict.about)) if self else verdict

    def about(self, about: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a report tells of features without the names and histograms of hidden ones."""
        told = dict(about)
        told["features"] = [self._renamed(one) for one in about.get("features", ())]
        told["ranked"] = [self.name(feature) for feature in about.get("ranked", ())]
        hidden = {
            one["column"]
            for one in about.get("features", ())
            if "column" in one and HIDDEN in self._renamed(one).values()
        }
        if "histograms" in about:
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
