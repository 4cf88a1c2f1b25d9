"""The limits of one model's folder in a store, and what is left of them while it is copied."""

from __future__ import annotations

from time import monotonic
from typing import Annotated

import msgspec

from operators.core.errors import DeploymentError

_GIB = 2**30


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How large the folder of one model may be, and how long it may take.

    `gib` is its size in units of 2³⁰ bytes, `files` its number of files. Listing it may take `minutes`, and
    copying it as long again.
    """

    gib: Annotated[float, msgspec.Meta(gt=0)] = 20.0
    files: Annotated[int, msgspec.Meta(gt=0)] = 10_000
    minutes: Annotated[float, msgspec.Meta(gt=0, le=1_440)] = 60.0


class Allowance:
    """What is left of the limits of one folder: counts its files and bytes, from now on.

    All methods raise DeploymentError, with the remedy, if a limit is exceeded.
    """

    def __init__(self, uri: str, limits: Limits) -> None:
        self._uri = uri
        self._limits = limits
        self._deadline = monotonic() + limits.minutes * 60
        self._files = 0
        self._bytes = 0

    def take_files(self, count: int = 1) -> None:
        """Count files."""
        self._files += count
        if self._files > self._limits.files:
            raise self._error(f"has more than {self._limits.files:,} files", "files")

    def take_bytes(self, count: int) -> None:
        """Count bytes, and check the time."""
        self._bytes += count
        self.require_bytes(0)
        self.seconds()

    def require_bytes(self, count: int) -> None:
        """Check that this number of bytes is left, without counting them."""
        if self._bytes + count > self._limits.gib * _GIB:
            raise self._error(f"is larger than {self._limits.gib:g} GiB", "gib")

    def seconds(self) -> float:
        """Return the seconds that are left, above 0."""
        left = self._deadline - monotonic()
        if left <= 0:
            raise self.overdue()
        return left

    def overdue(self) -> DeploymentError:
        """Return the error that the time is over."""
        return self._error(f"does not arrive within {self._limits.minutes:g} minutes", "minutes")

    def _error(self, problem: str, limit: str) -> DeploymentError:
        return DeploymentError(
            f"{self._uri} {problem}: use the model's own folder, or set limits.{limit} of its store"
        )
