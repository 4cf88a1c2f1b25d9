"""Conversion of the values of a preprocessed column to its feature's own units."""

from __future__ import annotations

from typing import Annotated

import msgspec


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """The map from a preprocessed value to its feature's own units: `value * scale + offset`.

    With a `category`, the value 1 means that category and 0 means any other.
    """

    scale: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    offset: float = 0.0
    category: str | None = None

    def text(self, value: float) -> float | str | None:
        """Return a value in the feature's own terms: a number, the category, or `not CATEGORY`.

        Returns None for a value other than 0 and 1 of a category.

        >>> Origin(category="Private").text(0.0), Origin(scale=2.0).text(0.5)
        ('not Private', 1.0)
        """
        if self.category is None:
            return self.raw(value)
        return {0.0: f"not {self.category}", 1.0: self.category}.get(value)

    def raw(self, value: float) -> float:
        """Return a value in the feature's own units.

        >>> Origin(scale=13.5, offset=38.5).raw(-2.0)
        11.5
        """
        return value * self.scale + self.offset
