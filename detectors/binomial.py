"""A binomial test: is a share of observations significantly above a level?"""

from __future__ import annotations

from scipy.stats import binom


def significantly_above(part: int, of: int, share: float, level: float = 0.001) -> bool:
    """Return whether `part` of `of` independent observations is significantly more than a true share.

    One-sided exact binomial test (Clopper & Pearson 1934, Biometrika 26): with a true share of `share`, in
    [0, 1), `part` or more would occur with a probability below `level`.

    >>> significantly_above(1, 20, 0.01), significantly_above(4, 20, 0.01), significantly_above(30, 100, 0.25)
    (False, True, False)
    """
    return part > share * of and bool(binom.sf(part - 1, of, share) < level)
