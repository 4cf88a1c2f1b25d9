"""Fields that a Monitor hides: neither names nor values leave in reports, alerts, metrics or taps."""

from __future__ import annotations

from typing import Any

from operators.steps.watching import Verdict

HIDDEN = "(redacted)"


class Redaction(frozenset[str]):
    """Names of features that are hidden, and with them the columns that encode them, as `NAME=category`."""

    def name(self, column: str) -> str:
        """Return a column's or feature's name, or that it is hidden.

        >>> hides = Redaction(["age", "sex"])
        >>> [hides.name(column) for column in ("age", "sex=Male", "workclass", "ages")]
        ['(redacted)', '(redacted)', 'workclass', 'ages']
        """
        return HIDDEN if column.partition("=")[0] in self or column in self else column

    def verdict(self, verdict: Verdict) -> Verdict:
        """Return a verdict without names and histograms of hidden features; how far they moved stays."""
        if not self:
            return verdict
        about = dict(verdict.about)
        about["features"] = [self._renamed(one) for one in about.get("features", ())]
        about["ranked"] = [self.name(feature) for feature in about.get("ranked", ())]
        if "histograms" in about:
            about["histograms"] = [one for one in about["histograms"] if self.name(one["column"]) != HIDDEN]
        return verdict._replace(about=about)

    def _renamed(self, told: dict[str, Any]) -> dict[str, Any]:
        names = {key: self.name(told[key]) for key in ("column", "feature") if key in told}
        if HIDDEN in names.values():
            names = dict.fromkeys(names, HIDDEN)
        return {**told, **names}
