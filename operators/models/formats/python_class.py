"""A Python class of the user's own: `implementation` names module and class, the folder has the module."""

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

_NOT_MLSERVERS = (
    "as in a class for MLServer; MLServer's MLModel is not run here: write predict(tensors), which takes and "
    "returns arrays by name (docs/manifests.md, Model folders)"
)
_NAME = re.compile(r"([A-Za-z_]\w*\.)+[A-Za-z_]\w*")


def load(folder: Folder) -> Step:
    """Import MODULE.py from the folder and make a CLASS(folder, extra)."""
    implementation = folder.settings.implementation
    module_name, _, class_name = implementation.rpartition(".")
    path = folder.path / f"{module_name.replace('.', '/')}.py"
    if not _NAME.fullmatch(implementation) or not path.is_file():
        raise DeploymentError(
            f"no runtime for implementation {implementation!r}: it is none of the known ones, and no "
            "module of "
            "this folder with its class"
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
            raise DeploymentError(f"{path}: {class_name}.predict is a coroutine, {_NOT_MLSERVERS}")
        return PythonModel(class_(folder.path, dict(folder.settings.extra)), folder.settings.content_types)
    except DeploymentError:
        raise
    except ModuleNotFoundError as error:
        why = f"imports {error.name}, which is not installed where models are loaded"
        remedy = _NOT_MLSERVERS if error.name == "mlserver" else "install it there, or do without it"
        raise DeploymentError(f"{path} {why}: {remedy}") from error
    except Exception as error:  # code of the user's own may raise anything
        raise DeploymentError(f"{path}: {class_name} cannot be made: {describe(error)}") from error


def _module(folder: Folder, path: Any, name: str) -> Any:
    unique = f"weir_model_{folder.digest[-16:]}_{name.replace('.', '_')}"
    module = ModuleType(unique)
    module.__file__ = str(path)
    sys.modules[unique] = module
    # Not imported: that would write bytecode beside it, and the folder would not have its digest any more.
    exec(compile(path.read_bytes(), path, "exec"), module.__dict__)
    return module
