"""What the values of a prepared column are in its feature's own units."""

from __future__ import annotations

from typing import Annotated

import msgspec


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """A prepared value in its feature's own units is `value * scale + offset`.

    With a `category`, 1 is that category and 0 is any other.
    """

    scale: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    offset: float = 0.0
    category: str | None = None

    def text(self, value: float) -> float | str | None:
        """Return a value as the feature has it: a number, its category, or that it is another one.

        None for a value that no category is encoded as.

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
