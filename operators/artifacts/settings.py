"""`model-settings.json`: which runtime serves a folder, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from operators.errors import DeploymentError
from operators.resources.schema import Model

_FROM_REQUIREMENT = {
    "alibi-detect": "mlserver_alibi_detect.AlibiDetectRuntime",
    "sklearn": "mlserver_sklearn.SKLearnModel",
}


class Parameters(msgspec.Struct, frozen=True):
    """The `parameters` of model-settings.json; keys not listed are passed over, as MLServer does."""

    uri: str | None = None
    version: str | None = None
    content_type: str | None = None
    extra: dict[str, Any] = {}


class ModelSettings(msgspec.Struct, frozen=True):
    """model-settings.json. Its `name` is never used: the Model document's name wins."""

    implementation: str
    parameters: Parameters = Parameters()


def read_settings(model: Model, folder: Path) -> ModelSettings:
    """Read the folder's model-settings.json, or make one from the Model's requirements.

    The Model's own `parameters` are added to `extra`, as strings.
    """
    path = folder / "model-settings.json"
    settings = _from_file(path) if path.exists() else _from_requirements(model, path)
    extra = {**settings.parameters.extra, **{p.name: p.value for p in model.spec.parameters}}
    parameters = msgspec.structs.replace(settings.parameters, extra=extra)
    return msgspec.structs.replace(settings, parameters=parameters)


def _from_file(path: Path) -> ModelSettings:
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelSettings)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{path}: {error}") from None


def _from_requirements(model: Model, path: Path) -> ModelSettings:
    for requirement in model.spec.requirements:
        implementation = _FROM_REQUIREMENT.get(requirement)
        if implementation:
            return ModelSettings(implementation)
    raise DeploymentError(
        f"{path} does not exist and Model {model.metadata.name} has no requirement of "
        f"{', '.join(_FROM_REQUIREMENT)}: add the one or the other"
    )
