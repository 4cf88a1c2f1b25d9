"""`model-settings.json`: which runtime serves a folder, and how."""

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
# As Seldon's agent does: the first requirement that is known, and the first file that fits.
_FROM_REQUIREMENT = {
    "alibi-detect": (ALIBI_DETECT, ()),
    "sklearn": (SKLEARN, ("*.joblib", "*.pkl", "*.pickle")),
    "xgboost": (XGBOOST, ("*.json", "*.bst", "*.ubj")),
    "lightgbm": (LIGHTGBM, ("*.bst", "*.txt")),
    "weir-quality": (DATA_QUALITY, ("quality.json",)),
}


class Parameters(msgspec.Struct, frozen=True):
    """The `parameters` of model-settings.json; keys not listed are passed over, as MLServer does."""

    uri: str | None = None
    version: str | None = None
    content_type: str | None = None
    extra: dict[str, Any] | None = None


class _InputParameters(msgspec.Struct, frozen=True):
    content_type: str | None = None


class Input(msgspec.Struct, frozen=True):
    """One of the tensors that a model expects, as far as it matters how its values are encoded."""

    name: str
    parameters: _InputParameters | None = None

    @property
    def content_type(self) -> str:
        """How its values are encoded, empty where that is not said."""
        return (self.parameters and self.parameters.content_type) or ""


class ModelSettings(msgspec.Struct, frozen=True):
    """model-settings.json. Its `name` is never used: the Model document's name wins."""

    implementation: str = ""
    parameters: Parameters | None = None
    inputs: list[Input] = []

    @property
    def extra(self) -> dict[str, Any]:
        """What the runtime is told besides."""
        return (self.parameters and self.parameters.extra) or {}

    @property
    def content_types(self) -> ContentTypes:
        """How the model's tensors are taken where the request does not say."""
        named = {one.name: one.content_type for one in self.inputs if one.content_type}
        return ContentTypes((self.parameters and self.parameters.content_type) or "", named)

    @property
    def predict_fn(self) -> str:
        """The function that answers a request which names none."""
        return str(self.extra.get("predict_fn", "predict"))

    @property
    def uri(self) -> str:
        """The file or folder to load, within the model's folder."""
        return (self.parameters and self.parameters.uri) or "./"


def read_settings(model: Model, folder: Path) -> ModelSettings:
    """Read the folder's model-settings.json; what it leaves open comes from the Model's requirements.

    The Model's own `parameters` are added to `extra`, as strings. Raises DeploymentError for settings that
    cannot be used.
    """
    path = folder / SETTINGS
    settings = read_json(path, ModelSettings) if path.exists() else ModelSettings()
    given = settings.parameters or Parameters()
    implementation, uri = settings.implementation, given.uri
    if not implementation:
        implementation, uri = _from_requirements(model, folder, uri)
    if uri and not (folder / uri).resolve().is_relative_to(folder.resolve()):
        raise DeploymentError(f"{path}: parameters.uri must stay inside the folder, got {uri!r}")
    _require_known(given.content_type, CONTENT_TYPES, f"{path}: parameters.content_type")
    for one in settings.inputs:
        _require_known(one.content_type, TENSOR_CONTENT_TYPES, f"{path}: content_type of input {one.name!r}")
    extra = {**(given.extra or {}), **{p.name: p.value for p in model.spec.parameters}}
    return ModelSettings(
        implementation, msgspec.structs.replace(given, uri=uri, extra=extra), settings.inputs
    )


def _require_known(content_type: str | None, known: tuple[str, ...], where: str) -> None:
    if content_type and content_type not in known:
        raise DeploymentError(f"{where} may be {', '.join(known)}, got {content_type!r}")


def _from_requirements(model: Model, folder: Path, uri: str | None) -> tuple[str, str | None]:
    requirements = [*model.spec.requirements, *([model.spec.model_type] if model.spec.model_type else [])]
    for requirement in requirements:
        if requirement in _FROM_REQUIREMENT:
            implementation, patterns = _FROM_REQUIREMENT[requirement]
            files = sorted(path.name for path in folder.iterdir() if path.is_file())
            found = [name for pattern in patterns for name in files if fnmatch(name, pattern)]
            return implementation, uri or (found[0] if found else None)
    asked = f"its requirements are {', '.join(requirements)}" if requirements else "it has no requirements"
    raise DeploymentError(
        f"no runtime: {folder / SETTINGS} names no implementation, and {asked}; there are runtimes for "
        f"{', '.join(_FROM_REQUIREMENT)}, and for a Python class of your own that {SETTINGS} names"
    )
