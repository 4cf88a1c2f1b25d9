"""Folder and Model document → a step, by the runtime that the settings name."""

from __future__ import annotations

from operators.artifacts import (
    alibi_detect_folder,
    boosted_folder,
    python_folder,
    quality_folder,
    sklearn_folder,
)
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
from operators.artifacts.trust import Site
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

    Raises DeploymentError, naming the model, the file and the remedy.
    """
    try:
        folder = _open(model, uri, recorded, site)
        load = _RUNTIMES.get(folder.settings.implementation, python_folder.load)
        step = load(folder)
        if folder.probe:
            check_probe(step, folder.probe, folder.path)
    except DeploymentError as error:
        raise DeploymentError(f"Model {model.metadata.name}: {error}") from error
    except (Exception, SystemExit) as error:  # files of all kinds, and code in them, may raise anything
        raise DeploymentError(f"Model {model.metadata.name}: {describe(error)}") from error
    return step


def _open(model: Model, uri: str, recorded: str, site: Site) -> Folder:
    path = fetch(uri, recorded, site.cache)
    return Folder(path, uri, recorded, read_settings(model, path), read_probe(path), site)
