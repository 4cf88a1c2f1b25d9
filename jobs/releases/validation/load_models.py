"""Loads the steps of Model documents from their folders and measures their memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from jobs.releases.validation.model_memory import measure_memory
from operators.control.release import Artifact
from operators.core.errors import DeploymentError, describe, hide_userinfo, one_line
from operators.models.load import load_step
from operators.models.settings import read_settings
from operators.models.step import Step
from operators.resources.manifests import Manifests
from operators.resources.pipeline_checks import quantity
from operators.resources.seldon_schema import Model
from operators.resources.yaml_files import STANDARD_INPUT
from operators.storage.fetch import resolve
from operators.storage.trusted_roots import ArtifactPolicy
from operators.storage.uris import local_path

OnProgress = Callable[[str], None]


class Loaded(NamedTuple):
    """A loaded step and its artifact."""

    step: Step
    artifact: Artifact


def load_all(
    models: Mapping[str, Model],
    manifests: Manifests,
    artifacts: Mapping[str, Artifact],
    site: ArtifactPolicy,
    on_progress: OnProgress = lambda what: None,
) -> dict[str, Loaded]:
    """Load models of manifests: those in `artifacts` as they were applied, the others as they are now.

    Errors and notices are added to `manifests`; a model with an error is left out. `on_progress` receives a
    line before a model is fetched from a store.
    """
    loaded: dict[str, Loaded] = {}
    for name, model in models.items():
        origin = manifests.origin[f"Model/{name}"]
        try:
            require_store(model, site)
            if is_remote(model):
                on_progress(f"fetching Model {name} from {hide_userinfo(model.spec.storage_uri)}")
            artifact = artifacts.get(name)
            loaded[name] = _load_applied(model, artifact, site) if artifact else _load(model, origin, site)
        except DeploymentError as error:
            manifests.errors.extend(one_line(f"{origin}: {line}") for line in str(error).split("\n"))
        else:
            manifests.notices.extend(
                f"{origin}: {notice}" for notice in _memory_notices(model, loaded[name].artifact)
            )
    return loaded


def is_remote(model: Model) -> bool:
    """Return whether a model is in a store and not on this machine."""
    uri = model.spec.storage_uri
    return "://" in uri and not uri.startswith("file://")


def require_store(model: Model, site: ArtifactPolicy) -> None:
    """Raise DeploymentError for a remote model whose storageUri is invalid or names no known store."""
    if is_remote(model):
        try:
            local_path(model.spec.storage_uri)
            site.stores.find(model.spec.storage_uri)
        except DeploymentError as error:
            raise DeploymentError(f"Model {model.metadata.name}: spec.storageUri: {error}") from error


def uri_of(model: Model, manifest: Path) -> str:
    """Return a model's storageUri; a relative path is relative to the manifest's folder."""
    uri = model.spec.storage_uri
    path = local_path(uri)
    if path is None:
        return uri
    base = Path.cwd() if manifest == STANDARD_INPUT else manifest.parent
    return os.path.abspath(base / path)


def _load(model: Model, origin: Path, site: ArtifactPolicy) -> Loaded:
    try:
        resolved = resolve(uri_of(model, origin), model.spec.artifact_version, site)
    except DeploymentError as error:
        raise DeploymentError(f"Model {model.metadata.name}: {error}") from error
    except Exception as error:  # an unusual name or file may raise any error
        raise DeploymentError(f"Model {model.metadata.name}: {describe(error)}") from error

    def load() -> Step:
        return load_step(model, resolved.uri, resolved.digest, site)

    step = load()
    runtime = read_settings(model, resolved.folder).implementation
    return Loaded(step, Artifact(resolved.uri, resolved.digest, runtime, measure_memory(load)))


def _load_applied(model: Model, artifact: Artifact, site: ArtifactPolicy) -> Loaded:
    return Loaded(load_step(model, artifact.uri, artifact.digest, site), artifact)


def _memory_notices(model: Model, artifact: Artifact) -> Iterator[str]:
    declared = quantity(model.spec.memory) if model.spec.memory is not None else None
    if declared is not None and artifact.memory > declared:
        yield (
            f"Model {model.metadata.name}: spec.memory is {model.spec.memory}, but loading the model took "
            f"{artifact.memory / 1024**2:.0f} MiB"
        )
