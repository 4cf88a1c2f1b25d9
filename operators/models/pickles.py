"""Pickles of fitted estimators, with the versions of the libraries that wrote them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
from sklearn.exceptions import InconsistentVersionWarning

from operators.core.errors import DeploymentError, describe

REMEDY = (
    "export it again with the installed versions, or in a format that does not depend on them (treelite, "
    "XGBoost's or LightGBM's own file, arrays)"
)
LIBRARIES = ("scikit-learn", "numpy")


class Unpickled(NamedTuple):
    """An object and the library versions that wrote it, where they are known."""

    value: Any
    versions: dict[str, str]


def installed_versions() -> dict[str, str]:
    """Return the versions of `LIBRARIES` in this environment."""
    return {name: version(name) for name in LIBRARIES}


def version_differences(saved: dict[str, str]) -> str:
    """List the libraries whose saved and installed versions differ, with both; empty if none differs."""
    installed = installed_versions()
    return ", ".join(
        f"{name} {saved[name]} (installed: {installed[name]})"
        for name in LIBRARIES
        if name in saved and saved[name] != installed[name]
    )


def unpickle(path: Path, recorded: dict[str, str]) -> Unpickled:
    """Load a pickle; `recorded` are the versions of its writers, as the probe names them.

    Raises DeploymentError, which names the versions and the remedy.
    """
    with warnings.catch_warnings(record=True) as caught, _numpy_2_module_names():
        warnings.simplefilter("always")
        try:
            value, failure = joblib.load(path), None
        except Exception as error:  # a pickle can raise anything
            value, failure = None, error
    saved = {**_warned_versions(caught), **recorded}
    if failure is None:
        return Unpickled(value, saved)
    missing = _missing_package(failure)
    if missing:
        raise DeploymentError(
            f"{path} cannot be read: it needs the package {missing}, which is not installed: install it "
            f"wherever the model is loaded (pip install {missing}), or export the model in a format that "
            "does not need it, such as XGBoost's or LightGBM's own file"
        ) from failure
    versions = version_differences(saved) or f"unknown versions (installed: {_join(installed_versions())})"
    raise DeploymentError(
        f"{path} cannot be read: {describe(failure)}; it was saved with {versions}: {REMEDY}"
    ) from failure


def _missing_package(failure: Exception) -> str:
    """Return the package of a module that a pickle needs and that is not installed, empty if there is none.

    A module that is missing in an installed package belongs to another version of the package.
    """
    name = failure.name if isinstance(failure, ModuleNotFoundError) else None
    package = (name or "").partition(".")[0]
    return package if package and find_spec(package) is None else ""


def _warned_versions(caught: list[warnings.WarningMessage]) -> dict[str, str]:
    """Return the version of scikit-learn that its own warnings name."""
    for warning in caught:
        if isinstance(warning.message, InconsistentVersionWarning):
            return {"scikit-learn": warning.message.original_sklearn_version}
    return {}


@contextmanager
def _numpy_2_module_names() -> Iterator[None]:
    """Make the modules of `numpy.core` importable as `numpy._core`, which pickles of numpy 2 refer to.

    This lasts only while a pickle is read: other libraries look for `numpy._core` to detect numpy's version.
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


def _join(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())
