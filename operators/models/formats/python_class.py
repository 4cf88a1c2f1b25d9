"""A user's own Python class: `implementation` names MODULE.CLASS, and the folder contains MODULE.py."""

from __future__ import annotations

import re
import sys
from inspect import iscoroutinefunction
from types import ModuleType
from typing import Any

from operators.core.errors import DeploymentError, describe
from operators.models.folder import Folder
from operators.models.runtimes.python_class import PythonModel
from operators.models.step import Step

_NOT_MLMODEL = (
    "as in a class for MLServer; MLServer's MLModel is not supported: write predict(tensors), which takes "
    "and returns arrays by name (docs/model-folders.md)"
)
_NAME = re.compile(r"([A-Za-z_]\w*\.)+[A-Za-z_]\w*")


def load(folder: Folder) -> Step:
    """Import MODULE.py from the folder and create CLASS(folder, extra)."""
    implementation = folder.settings.implementation
    module_name, _, class_name = implementation.rpartition(".")
    path = folder.path / f"{module_name.replace('.', '/')}.py"
    if not _NAME.fullmatch(implementation) or not path.is_file():
        raise DeploymentError(
            f"no runtime for implementation {implementation!r}: it is not one of Weir's, and the folder "
            "does not contain its module"
        )
    folder.require_trust(path)
    try:
        class_ = getattr(_module(folder, path, module_name), class_name, None)
        if class_ is None:
            raise DeploymentError(f"{path} has no class {class_name}")
        predict = getattr(class_, "predict", None)
        if not callable(predict):
            raise DeploymentError(f"{path}: {class_name} has no method predict(tensors)")
        if iscoroutinefunction(predict):
            raise DeploymentError(f"{path}: {class_name}.predict is a coroutine, {_NOT_MLMODEL}")
        return PythonModel(class_(folder.path, dict(folder.settings.extra)), folder.settings.content_types)
    except DeploymentError:
        raise
    except ModuleNotFoundError as error:
        remedy = _NOT_MLMODEL if error.name == "mlserver" else "install it there, or remove the import"
        raise DeploymentError(
            f"{path} imports {error.name}, which is not installed where models are loaded: {remedy}"
        ) from error
    except Exception as error:  # the user's code may raise anything
        raise DeploymentError(f"{path}: {class_name} cannot be created: {describe(error)}") from error


def _module(folder: Folder, path: Any, name: str) -> Any:
    unique_name = f"weir_model_{folder.digest[-16:]}_{name.replace('.', '_')}"
    module = ModuleType(unique_name)
    module.__file__ = str(path)
    sys.modules[unique_name] = module
    # An import would write bytecode into the folder, which would change its digest.
    exec(compile(path.read_bytes(), path, "exec"), module.__dict__)
    return module
