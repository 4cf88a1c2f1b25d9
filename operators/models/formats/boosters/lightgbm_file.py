"""A booster that LightGBM saved as text → what it holds beside its trees."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from operators.core.errors import DeploymentError

# Names that LightGBM gives to columns without one.
_NUMBERED = re.compile(r"Column_[0-9]+")
# Of a node's decision type, the bits that say how missing values are told, and the one for "as zero".
_MISSING_SHIFT, _MISSING_BITS, _ZERO = 2, 3, 1


class LightGBMFile(NamedTuple):
    """The objective with its parameters, and the names of the columns, none where they were only numbered."""

    objective: str
    feature_names: tuple[str, ...]


def read_lightgbm(path: Path) -> LightGBMFile:
    """Read a booster's text file.

    Raises DeploymentError for another file, and for what treelite would answer wrongly: linear trees, and
    zeros that count as missing.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        lines = []
    if not lines or lines[0] != "tree":
        raise DeploymentError(
            f"{path} is not a booster that LightGBM saved as text (Booster.save_model); save it so"
        )
    head: dict[str, str] = {}
    for line in lines:
        name, is_value, value = line.partition("=")
        if not is_value:
            continue
        if name == "is_linear" and value != "0":
            raise DeploymentError(
                f"{path} has linear models in its leaves (linear_tree), which do not run here: train "
                "without, or serve it by a Python class of your own"
            )
        if name == "decision_type" and any(_zero_is_missing(int(one)) for one in value.split()):
            raise DeploymentError(
                f"{path} was trained with zero_as_missing, which does not run here: train with missing "
                "values as NaN, or serve it by a Python class of your own"
            )
        head.setdefault(name, value)
    names = tuple(head.get("feature_names", "").split())
    return LightGBMFile(head.get("objective", ""), () if all(map(_NUMBERED.fullmatch, names)) else names)


def _zero_is_missing(decision_type: int) -> bool:
    return decision_type >> _MISSING_SHIFT & _MISSING_BITS == _ZERO
