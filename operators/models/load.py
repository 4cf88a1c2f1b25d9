"""Folder and Model document → a step, by the runtime that the settings name."""

from __future__ import annotations

from operators.core.errors import DeploymentError, describe
from operators.models.folder import Folder
from operators.models.formats import (
    alibi_detect,
    boosted_trees,
    data_quality,
    python_class,
    sklearn_estimator,
)
from operators.models.probe import check_probe, read_probe
from operators.models.settings import ALIBI_DETECT, DATA_QUALITY, LIGHTGBM, SKLEARN, XGBOOST, read_settings
from operators.models.step import Step
from operators.resources.seldon_schema import Model
from operators.storage.artifact_cache import ArtifactCache
from operators.storage.fetch import fetch
from operators.storage.trusted_roots import ArtifactPolicy, UntrustedError, locate

_RUNTIMES = {
    SKLEARN: sklearn_estimator.load,
    ALIBI_DETECT: alibi_detect.load,
    XGBOOST: boosted_trees.load_xgboost,
    LIGHTGBM: boosted_trees.load_lightgbm,
    DATA_QUALITY: data_quality.load,
}


def load_step(model: Model, uri: str, recorded: str, site: ArtifactPolicy) -> Step:
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
            ArtifactCache(site.cache).discard(None, recorded)
        kind = UntrustedError if isinstance(error, UntrustedError) else DeploymentError
        told = _told(error).replace(str(path), uri)
        raise kind(f"Model {model.metadata.name}: {told}") from error


def _load(folder: Folder) -> Step:
    load = _RUNTIMES.get(folder.settings.implementation, python_class.load)
    step = load(folder)
    if folder.probe:
        check_probe(step, folder.probe, folder.path)
    return step


def _told(error: BaseException) -> str:
    return str(error) if isinstance(error, DeploymentError) else describe(error)
