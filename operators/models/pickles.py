"""Pickles of fitted estimators: read with what is known of the versions that wrote them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
from sklearn.exceptions import InconsistentVersionWarning

from operators.core.errors import DeploymentError, describe

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


def installed_versions() -> dict[str, str]:
    """Return the versions of this environment."""
    return {name: version(name) for name in LIBRARIES}


def version_differences(saved: dict[str, str]) -> str:
    """Tell the libraries whose versions differ from those here, both versions named; empty if none does."""
    now = installed_versions()
    return ", ".join(
        f"{name} {saved[name]} (here {now[name]})"
        for name in LIBRARIES
        if name in saved and saved[name] != now[name]
    )


def unpickle(path: Path, recorded: dict[str, str]) -> Unpickled:
    """Load a pickle; `recorded` are the versions that are told to have written it.

    Raises DeploymentError that names the versions and the remedy.
    """
    with warnings.catch_warnings(record=True) as caught, _numpy_2_names():
        warnings.simplefilter("always")
        try:
            value, failure = joblib.load(path), None
        except Exception as error:  # a pickle can raise anything
            value, failure = None, error
    saved = {**_told(caught), **recorded}
    if failure is None:
        return Unpickled(value, saved)
    versions = version_differences(saved) or f"unknown versions (here {_listed(installed_versions())})"
    raise DeploymentError(
        f"{path} cannot be read: {describe(failure)}; it was saved with {versions}: {REMEDY}"
    ) from failure


def _told(caught: list[warnings.WarningMessage]) -> dict[str, str]:
    """Return the version that scikit-learn's own warnings tell."""
    for one in caught:
        if isinstance(one.message, InconsistentVersionWarning):
            return {"scikit-learn": one.message.original_sklearn_version}
    return {}


@contextmanager
def _numpy_2_names() -> Iterator[None]:
    """Let a pickle of numpy 2 find in `numpy._core` what numpy 1 keeps in `numpy.core`.

    Only while it is read: other libraries look for `numpy._core` to learn which numpy they run on.
    """
    names = {
        name.replace("numpy.core", "numpy._core", 1): module
        for name, module in sys.modules.items()
        if name == "numpy.core" or name.startswith("numpy.core.")
    }
    if not np.__version__.startswith("1.") or "numpy._core" in sys.modules:
        names = {}
    sys.modules.update(names)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())
