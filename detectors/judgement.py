"""What a verdict is worth: state and guilty features, beside the arithmetic that alone says `is_drift`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from detectors.results import DriftResult

State = Literal["OK", "DRIFT", "INSUFFICIENT_DATA", "SUPERSEDED"]


class Judgement(NamedTuple):
    """Below `min_n` rows a window says nothing; a significant difference below `min_effect` is harmless.

    On census data, windows drawn from the reference's own distribution make Bonferroni-corrected tests
    fire on 28 % of windows of 20 rows, 21 % of 100, 10 % of 300 and 7 % of 1,000. An effect of 0.1 is a
    distance of 0.1 between distribution functions, or a Cramér's V of 0.1 (Cohen's "small").
    """

    min_n: int = 200
    min_effect: float = 0.1

    def state(self, result: DriftResult, rows: int) -> State:
        """Judge a window of so many rows."""
        if rows < self.min_n:
            return "INSUFFICIENT_DATA"
        return "DRIFT" if bool((result.rejected & (result.effect >= self.min_effect)).any()) else "OK"


def ranked(result: DriftResult, features: Sequence[str]) -> list[str]:
    """Name the features that moved most first.

    `features` names each column's feature, shape (columns,): the columns of one encoded category share
    theirs, and the feature counts as its most moved column. Rejected columns come before the others.
    """
    order = np.lexsort((-result.effect, ~result.rejected))
    return list(dict.fromkeys(features[i] for i in order))
