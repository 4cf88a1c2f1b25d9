"""Loading of a model's folder as a step, with the runtime that its settings name."""

from __future__ import annotations

from pathlib import Path

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
from operators.storage.fetch import fetched
from operators.storage.trusted_roots import ArtifactPolicy, Origin, UntrustedError, locate

_RUNTIMES = {
    SKLEARN: sklearn_estimator.load,
    ALIBI_DETECT: alibi_detect.load,
    XGBOOST: boosted_trees.load_xgboost,
    LIGHTGBM: boosted_trees.load_lightgbm,
    DATA_QUALITY: data_quality.load,
}


def load_step(model: Model, uri: str, recorded: str, site: ArtifactPolicy) -> Step:
    """Load a model's folder, provided that it still has the recorded digest.

    The folder's present location decides whether it may run code. The files that are loaded are the private
    copy that was checked. A copy from an untrusted location is kept only if it can be loaded. Raises
    DeploymentError, which names the model, the file and the remedy; UntrustedError if only trust is missing.
    """
    try:
        origin = locate(uri, site)
        with fetched(origin, recorded, site.cache) as path:
            return _load_copy(model, path, origin, recorded, site)
    except Exception as error:
        raise _with_message(error, f"Model {model.metadata.name}: {_message(error)}") from error


def _load_copy(model: Model, path: Path, origin: Origin, recorded: str, site: ArtifactPolicy) -> Step:
    """Load a copy; DeploymentError, with the paths of the origin, for whatever its files raise."""
    try:
        return _load(Folder(path, origin, recorded, read_settings(model, path), read_probe(path), site))
    except (Exception, SystemExit) as error:  # files of all kinds, and code in them, may raise anything
        if origin.root is None:
            ArtifactCache(site.cache).discard(None, recorded)
        raise _with_message(error, _message(error).replace(str(path), origin.uri)) from error


def _load(folder: Folder) -> Step:
    load = _RUNTIMES.get(folder.settings.implementation, python_class.load)
    step = load(folder)
    if folder.probe:
        check_probe(step, folder.probe, folder.path)
    return step


def _with_message(error: BaseException, message: str) -> DeploymentError:
    kind = UntrustedError if isinstance(error, UntrustedError) else DeploymentError
    return kind(message)


def _message(error: BaseException) -> str:
    return str(error) if isinstance(error, DeploymentError) else describe(error)
