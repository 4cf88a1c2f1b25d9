"""Pickles of fitted estimators: read with what is known of the versions that wrote them."""

from __future__ import annotations

import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
from sklearn.exceptions import InconsistentVersionWarning

from operators.errors import DeploymentError, describe

REMEDY = (
    "export it again under the versions here, or in a form that does not depend on them (treelite, "
    "XGBoost's or "
    "LightGBM's own file, arrays)"
)
LIBRARIES = ("scikit-learn", "numpy")


class Unpickled(NamedTuple):
    """An object and the versions that wrote it, as far as they are known."""

    value: Any
    versions: dict[str, str]


def here() -> dict[str, str]:
    """Return the versions of this environment."""
    return {name: version(name) for name in LIBRARIES}


def differing(saved: dict[str, str]) -> str:
    """Tell the libraries whose versions differ from those here, both versions named; empty if none does."""
    now = here()
    return ", ".join(
        f"{name} {saved[name]} (here {now[name]})"
        for name in LIBRARIES
        if name in saved and saved[name] != now[name]
    )


def unpickle(path: Path, recorded: dict[str, str]) -> Unpickled:
    """Load a pickle; `recorded` are the versions that are told to have written it.

    Raises DeploymentError that names the versions and the remedy.
    """
    _know_numpy_2()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value = joblib.load(path)
    except Exception as error:  # a pickle can raise anything
        versions = differing(recorded) or f"versions unknown (here {_listed(here())})"
        raise DeploymentError(
            f"{path} cannot be read: {describe(error)}; it was saved with {versions}: {REMEDY}"
        ) from error
    saved = dict(recorded)
    for warning in caught:
        if isinstance(warning.message, InconsistentVersionWarning):
            saved.setdefault("scikit-learn", warning.message.original_sklearn_version)
    return Unpickled(value, saved)


def _know_numpy_2() -> None:
    """Let pickles of numpy 2 find what it keeps in `numpy._core` where numpy 1 kept it in `numpy.core`."""
    if np.__version__.startswith("1.") and "numpy._core" not in sys.modules:
        import numpy.core.multiarray
        import numpy.core.numeric

        sys.modules["numpy._core"] = np.core
        sys.modules["numpy._core.multiarray"] = numpy.core.multiarray
        sys.modules["numpy._core.numeric"] = numpy.core.numeric


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())
