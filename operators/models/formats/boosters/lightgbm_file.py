"""The metadata of a booster that LightGBM saved as text: everything that Weir needs besides the trees."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from operators.core.errors import DeploymentError
from operators.core.foreign_json import shorten

# Names that LightGBM generates for columns without names.
_NUMBERED = re.compile(r"Column_[0-9]+")
# In a node's decision type: position and mask of its kind of missing values, and the kind "zero is missing".
_MISSING_SHIFT, _MISSING_BITS, _ZERO = 2, 3, 1


class LightGBMFile(NamedTuple):
    """The objective with its parameters, and the names of the columns; empty if LightGBM numbered them."""

    objective: str
    feature_names: tuple[str, ...]


def read_lightgbm(path: Path) -> LightGBMFile:
    """Read a booster's text file.

    Raises DeploymentError for another file, and for models that treelite would compute wrongly: linear trees,
    and zeros that count as missing.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        lines = []
    if not lines or lines[0] != "tree":
        raise DeploymentError(
            f"{path} is not a booster that LightGBM saved as text; save it with Booster.save_model"
        )
    head: dict[str, str] = {}
    for line in lines:
        name, is_value, value = line.partition("=")
        if not is_value:
            continue
        if name == "is_linear" and value != "0":
            raise DeploymentError(
                f"{path} has linear models in its leaves (linear_tree), which are not supported: train "
                "without linear_tree, or serve it by a Python class of your own"
            )
        if name == "decision_type" and any(map(_zero_is_missing, _integers(path, line))):
            raise DeploymentError(
                f"{path} was trained with zero_as_missing, which is not supported: train with missing "
                "values as NaN, or serve it by a Python class of your own"
            )
        head.setdefault(name, value)
    names = tuple(head.get("feature_names", "").split())
    return LightGBMFile(head.get("objective", ""), () if all(map(_NUMBERED.fullmatch, names)) else names)


def _integers(path: Path, line: str) -> list[int]:
    """Return the whole numbers of a line; DeploymentError if it has others."""
    try:
        return [int(one) for one in line.partition("=")[2].split()]
    except ValueError:
        raise DeploymentError(
            f"{path} is damaged: {shorten(line)!r} must contain whole numbers; save the booster again with "
            "Booster.save_model"
        ) from None


def _zero_is_missing(decision_type: int) -> bool:
    return decision_type >> _MISSING_SHIFT & _MISSING_BITS == _ZERO
