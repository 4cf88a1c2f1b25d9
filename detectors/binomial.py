"""Shares: whether a part of some observations is surely more than it may be."""

from __future__ import annotations

from scipy.stats import binom


def significantly_above(part: int, of: int, share: float, level: float = 0.001) -> bool:
    """Tell whether `part` of `of` independent observations is more than a true share would give.

    One-sided exact binomial test (Clopper & Pearson 1934, Biometrika 26): so many or more would come with a
    probability below `level` if the true share were `share`, in [0, 1).

    >>> significantly_above(1, 20, 0.01), significantly_above(4, 20, 0.01), significantly_above(30, 100, 0.25)
    (False, True, False)
    """
    return part > share * of and bool(binom.sf(part - 1, of, share) < level)
