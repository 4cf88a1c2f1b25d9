"""`model-settings.json`: the runtime of a model's folder and its settings."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import msgspec

from operators.core.errors import DeploymentError
from operators.models.content_types import ContentTypes
from operators.models.json_files import read_json
from operators.protocol.decode import CONTENT_TYPES, TENSOR_CONTENT_TYPES
from operators.resources.seldon_schema import Model
from operators.storage.fetch import SETTINGS

SKLEARN = "mlserver_sklearn.SKLearnModel"
ALIBI_DETECT = "mlserver_alibi_detect.AlibiDetectRuntime"
XGBOOST = "mlserver_xgboost.XGBoostModel"
LIGHTGBM = "mlserver_lightgbm.LightGBMModel"
DATA_QUALITY = "weir.DataQuality"
# As in Seldon's agent: the first supported requirement and the first file that matches a pattern are used.
_FROM_REQUIREMENT = {
    "alibi-detect": (ALIBI_DETECT, ()),
    "sklearn": (SKLEARN, ("*.joblib", "*.pkl", "*.pickle")),
    "xgboost": (XGBOOST, ("*.json", "*.bst", "*.ubj")),
    "lightgbm": (LIGHTGBM, ("*.bst", "*.txt")),
    "weir-quality": (DATA_QUALITY, ("quality.json",)),
}


class Parameters(msgspec.Struct, frozen=True):
    """The `parameters` of model-settings.json; other keys are ignored, as in MLServer."""

    uri: str | None = None
    version: str | None = None
    content_type: str | None = None
    extra: dict[str, Any] | None = None


class _InputParameters(msgspec.Struct, frozen=True):
    content_type: str | None = None


class Input(msgspec.Struct, frozen=True):
    """One tensor that a model expects; only its name and its content type are used."""

    name: str
    parameters: _InputParameters | None = None

    @property
    def content_type(self) -> str:
        """The content type of the tensor's values, empty if none is declared."""
        return (self.parameters and self.parameters.content_type) or ""


class ModelSettings(msgspec.Struct, frozen=True):
    """The contents of model-settings.json; its `name` is ignored in favour of the Model document's."""

    implementation: str = ""
    parameters: Parameters | None = None
    inputs: list[Input] = []

    @property
    def extra(self) -> dict[str, Any]:
        """Further parameters of the runtime."""
        return (self.parameters and self.parameters.extra) or {}

    @property
    def content_types(self) -> ContentTypes:
        """The content types that the settings declare for requests and for tensors."""
        tensors = {one.name: one.content_type for one in self.inputs if one.content_type}
        return ContentTypes((self.parameters and self.parameters.content_type) or "", tensors)

    @property
    def predict_fn(self) -> str:
        """The function that answers a request that names none."""
        return str(self.extra.get("predict_fn", "predict"))

    @property
    def uri(self) -> str:
        """The file or folder to load, relative to the model's folder."""
        return (self.parameters and self.parameters.uri) or "./"


def read_settings(model: Model, folder: Path) -> ModelSettings:
    """Read the folder's model-settings.json; without an implementation, the Model's requirements decide.

    The Model's own `parameters` are added to `extra` as strings and override the file's. Raises
    DeploymentError for invalid settings.
    """
    path = folder / SETTINGS
    settings = read_json(path, ModelSettings) if path.exists() else ModelSettings()
    parameters = settings.parameters or Parameters()
    implementation, uri = settings.implementation, parameters.uri
    if not implementation:
        implementation, uri = _from_requirements(model, folder, uri)
    if uri and ("\0" in uri or not (folder / uri).resolve().is_relative_to(folder.resolve())):
        raise DeploymentError(
            f"{path}: parameters.uri is {uri!r}, which is outside the model's folder; "
            "it must be a path inside it"
        )
    _require_supported(parameters.content_type, CONTENT_TYPES, f"{path}: parameters.content_type")
    for tensor in settings.inputs:
        _require_supported(
            tensor.content_type, TENSOR_CONTENT_TYPES, f"{path}: content_type of input {tensor.name!r}"
        )
    extra = {**(parameters.extra or {}), **{p.name: p.value for p in model.spec.parameters}}
    return ModelSettings(
        implementation, msgspec.structs.replace(parameters, uri=uri, extra=extra), settings.inputs
    )


def _require_supported(content_type: str | None, supported: tuple[str, ...], place: str) -> None:
    if content_type and content_type not in supported:
        raise DeploymentError(f"{place} is {content_type!r}; it must be one of {', '.join(supported)}")


def _from_requirements(model: Model, folder: Path, uri: str | None) -> tuple[str, str | None]:
    requirements = [*model.spec.requirements, *([model.spec.model_type] if model.spec.model_type else [])]
    for requirement in requirements:
        if requirement in _FROM_REQUIREMENT:
            implementation, patterns = _FROM_REQUIREMENT[requirement]
            files = sorted(path.name for path in folder.iterdir() if path.is_file())
            matches = [name for pattern in patterns for name in files if fnmatch(name, pattern)]
            return implementation, uri or (matches[0] if matches else None)
    unusable = f"requires {', '.join(requirements)}" if requirements else "has no requirements"
    raise DeploymentError(
        f"no runtime: {folder / SETTINGS} names no implementation, and the Model {unusable}. Require one of "
        f"{', '.join(_FROM_REQUIREMENT)}, or name the implementation, which can be a Python class of your own"
    )
