"""Folder and Model document → a step, by the runtime that the settings name."""

from __future__ import annotations

from operators.artifacts import (
    alibi_detect_folder,
    boosted_folder,
    python_folder,
    quality_folder,
    sklearn_folder,
)
from operators.artifacts.cache import Cache
from operators.artifacts.folder import Folder
from operators.artifacts.probes import check_probe, read_probe
from operators.artifacts.settings import (
    ALIBI_DETECT,
    DATA_QUALITY,
    LIGHTGBM,
    SKLEARN,
    XGBOOST,
    read_settings,
)
from operators.artifacts.storage import fetch
from operators.artifacts.trust import Site, UntrustedError, locate
from operators.errors import DeploymentError, describe
from operators.resources.schema import Model
from operators.steps import Step

_RUNTIMES = {
    SKLEARN: sklearn_folder.load,
    ALIBI_DETECT: alibi_detect_folder.load,
    XGBOOST: boosted_folder.load_xgboost,
    LIGHTGBM: boosted_folder.load_lightgbm,
    DATA_QUALITY: quality_folder.load,
}


def load_step(model: Model, uri: str, recorded: str, site: Site) -> Step:
    """Load a model's folder if it still has the digest that was recorded for it.

    Whether it may run code is decided by where it lies now; what is checked and what is loaded is one
    private copy. A copy from a place that is not trusted is kept only if it can be loaded. Raises
    DeploymentError, naming the model, the file and the remedy; UntrustedError where only trust is missing.
    """
    try:
        origin = locate(uri, site)
        path = fetch(origin, recorded, site.cache)
    except Exception as error:
        raise DeploymentError(f"Model {model.metadata.name}: {_told(error)}") from error
    try:
        return _load(Folder(path, origin, recorded, read_settings(model, path), read_probe(path), site))
    except (Exception, SystemExit) as error:  # files of all kinds, and code in them, may raise anything
        if origin.root is None:
            Cache(site.cache).discard(None, recorded)
        kind = UntrustedError if isinstance(error, UntrustedError) else DeploymentError
        told = _told(error).replace(str(path), uri)
        raise kind(f"Model {model.metadata.name}: {told}") from error


def _load(folder: Folder) -> Step:
    load = _RUNTIMES.get(folder.settings.implementation, python_folder.load)
    step = load(folder)
    if folder.probe:
        check_probe(step, folder.probe, folder.path)
    return step


def _told(error: BaseException) -> str:
    return str(error) if isinstance(error, DeploymentError) else describe(error)
