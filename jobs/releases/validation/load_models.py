"""Model documents → steps, loaded from their folders and measured."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from jobs.releases.validation.model_memory import measure_memory
from operators.control.release import Artifact
from operators.core.errors import DeploymentError, describe, tidy
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

Say = Callable[[str], None]


class Loaded(NamedTuple):
    """A step, and where its files are."""

    step: Step
    artifact: Artifact


def load_all(
    manifests: Manifests,
    artifacts: Mapping[str, Artifact],
    site: ArtifactPolicy,
    say: Say = lambda what: None,
) -> dict[str, Loaded]:
    """Load every model: those in `artifacts` as they were applied, the others as they are now.

    Errors and notices are added to those of the manifests. `say` receives each store before it is asked.
    """
    loaded: dict[str, Loaded] = {}
    for name, model in manifests.models.items():
        origin = manifests.origin[f"Model/{name}"]
        try:
            require_store(model, site)
            if is_remote(model):
                say(f"asking {model.spec.storage_uri} for Model {name}")
            known = artifacts.get(name)
            loaded[name] = _load_again(model, known, site) if known else _load(model, origin, site)
        except DeploymentError as error:
            manifests.errors.extend(tidy(f"{origin}: {line}") for line in str(error).split("\n"))
        else:
            manifests.notices.extend(
                f"{origin}: {notice}" for notice in _memory(model, loaded[name].artifact)
            )
    return loaded


def is_remote(model: Model) -> bool:
    """Tell whether a model is in a store and not on this machine."""
    uri = model.spec.storage_uri
    return "://" in uri and not uri.startswith("file://")


def require_store(model: Model, site: ArtifactPolicy) -> None:
    """Raise DeploymentError for a model whose storageUri names no known store, or no one place in it."""
    if is_remote(model):
        try:
            local_path(model.spec.storage_uri)
            site.stores.find(model.spec.storage_uri)
        except DeploymentError as error:
            raise DeploymentError(f"Model {model.metadata.name}: spec.storageUri: {error}") from error


def uri_of(model: Model, manifest: Path) -> str:
    """Return a model's storageUri; a relative path starts at the manifest's own folder."""
    uri = model.spec.storage_uri
    path = local_path(uri)
    if path is None:
        return uri
    base = Path.cwd() if manifest == STANDARD_INPUT else manifest.parent
    return os.path.abspath(base / path)


def _load(model: Model, origin: Path, site: ArtifactPolicy) -> Loaded:
    try:
        found = resolve(uri_of(model, origin), model.spec.artifact_version, site)
    except DeploymentError as error:
        raise DeploymentError(f"Model {model.metadata.name}: {error}") from error
    except Exception as error:  # names and files of all kinds may raise anything
        raise DeploymentError(f"Model {model.metadata.name}: {describe(error)}") from error

    def load() -> Step:
        return load_step(model, found.uri, found.digest, site)

    step = load()
    runtime = read_settings(model, found.folder).implementation
    return Loaded(step, Artifact(found.uri, found.digest, runtime, measure_memory(load)))


def _load_again(model: Model, artifact: Artifact, site: ArtifactPolicy) -> Loaded:
    return Loaded(load_step(model, artifact.uri, artifact.digest, site), artifact)


def _memory(model: Model, artifact: Artifact) -> Iterator[str]:
    declared = quantity(model.spec.memory) if model.spec.memory is not None else None
    if declared is not None and artifact.memory > declared:
        yield (
            f"Model {model.metadata.name}: spec.memory is {model.spec.memory}, but loading it was measured "
            f"to take {artifact.memory / 1024**2:.0f} MiB"
        )
