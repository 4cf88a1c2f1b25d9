"""Manifests → releases: everything that can be said of them without a broker."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from jobs.adopting import Live, registered
from jobs.externals import cycles
from jobs.measuring import memory_of
from jobs.settings import Settings
from jobs.watching import doubts, wrong_kinds
from operators.artifacts.loading import load_step
from operators.artifacts.settings import read_settings
from operators.artifacts.storage import find
from operators.artifacts.trust import Site
from operators.artifacts.uris import local_path
from operators.errors import DeploymentError, describe, tidy
from operators.external import external_input
from operators.plan import Plan
from operators.releases import Artifact, Registered, Release
from operators.resources.checks import quantity
from operators.resources.manifests import APPLIED, Manifests, read_applied, read_manifests
from operators.resources.reading import STANDARD_INPUT
from operators.resources.schema import Metadata, Model, Pipeline
from operators.resources.support import Resource
from operators.rules import in_force
from operators.steps import Step
from operators.topics import Topics


class Checked(NamedTuple):
    """A release of generation 0 for each pipeline; models by name; notices; every error, a line each."""

    releases: list[Release]
    models: dict[str, Registered]
    notices: list[str]
    errors: list[str]

    def require(self) -> Checked:
        """Raise DeploymentError with all errors if there is one."""
        if self.errors:
            raise DeploymentError("\n".join(self.errors))
        return self


class _Loaded(NamedTuple):
    step: Step
    artifact: Artifact


def check(paths: list[Path], topics: Topics, site: Site, live: Live | None = None) -> Checked:
    """Validate manifests as far as no broker is needed: models loaded and measured, plans compiled.

    With `live`, what the manifests leave out is taken from there, and a live pipeline that uses a model which
    changes has a release too.
    """
    manifests = read_manifests(paths, live.adopt if live else None)
    checked = Checked([], {}, manifests.notices, manifests.errors)
    loaded = _load_all(manifests, live.artifacts if live else {}, site, checked)
    _release_all(manifests, loaded, topics, checked)
    for name, one in loaded.items():
        if manifests.origin[f"Model/{name}"] != APPLIED:
            checked.models[name] = Registered(_resolved(manifests.models[name], one.artifact), one.artifact)
    for release in live.releases.values() if live and not checked.errors else ():
        if release.name not in manifests.pipelines and _uses_another(release, checked.models):
            _renew(release, manifests, loaded, site, topics, checked)
    checked.errors.extend(cycles(checked.releases, []))
    if manifests.models and not checked.releases and not checked.errors:
        checked.notices.append("there is no Pipeline: models go live with the pipelines that name them")
    return checked


def _load_all(
    manifests: Manifests, artifacts: Mapping[str, Artifact], site: Site, checked: Checked
) -> dict[str, _Loaded]:
    """Load every model: those in `artifacts` as they were applied, the others as they are now."""
    loaded: dict[str, _Loaded] = {}
    for name, model in manifests.models.items():
        origin = manifests.origin[f"Model/{name}"]
        try:
            known = artifacts.get(name)
            loaded[name] = _load_again(model, known, site) if known else _load(model, origin, site)
        except DeploymentError as error:
            checked.errors.extend(tidy(f"{origin}: {line}") for line in str(error).split("\n"))
        else:
            checked.notices.extend(f"{origin}: {notice}" for notice in _memory(model, loaded[name].artifact))
    return loaded


def _release_all(
    manifests: Manifests, loaded: Mapping[str, _Loaded], topics: Topics, checked: Checked
) -> None:
    for name, pipeline in manifests.pipelines.items():
        if any(step.name not in loaded for step in pipeline.spec.steps):
            continue
        try:
            steps = {step.name: loaded[step.name].step for step in pipeline.spec.steps}
            Plan(pipeline, steps)
            checked.releases.append(_release(pipeline, manifests, loaded, topics))
        except DeploymentError as error:
            checked.errors.append(tidy(f"{manifests.origin[f'Pipeline/{name}']}: {error}"))
        else:
            checked.notices.extend(_doubts(pipeline, manifests, loaded))
    checked.errors.extend([*_wrong_kinds(manifests, loaded), *_externals(manifests)])


def _uses_another(release: Release, models: Mapping[str, Registered]) -> bool:
    """Tell whether a release has any of these models otherwise than they are now."""
    before = {model["metadata"]["name"]: model for model in release.models}
    return any(
        Registered(before[name], release.artifacts[name]).content() != models[name].content()
        for name in before.keys() & models.keys()
    )


def _renew(
    release: Release,
    manifests: Manifests,
    loaded: Mapping[str, _Loaded],
    site: Site,
    topics: Topics,
    checked: Checked,
) -> None:
    """Release a live pipeline again, with the models that changed and its own others."""
    others = [one.model for one in registered(release) if one.model["metadata"]["name"] not in checked.models]
    own = read_applied([release.pipeline, *others, *([release.monitor] if release.monitor else [])])
    checked.errors.extend(own.errors)
    changed = {name: model for name, model in manifests.models.items() if name in checked.models}
    together = {
        **{name: loaded[name] for name in changed},
        **_load_all(own, release.artifacts, site, checked),
    }
    own.models.update(changed)
    _release_all(own, together, topics, checked)


def uri_of(model: Model, manifest: Path) -> str:
    """Return a model's storageUri; a relative path starts at the manifest's own folder."""
    uri = model.spec.storage_uri
    path = local_path(uri)
    if path is None:
        return uri
    base = Path.cwd() if manifest == STANDARD_INPUT else manifest.parent
    return os.path.abspath(base / path)


def _load(model: Model, origin: Path, site: Site) -> _Loaded:
    try:
        found = find(uri_of(model, origin), model.spec.artifact_version, site)
    except DeploymentError as error:
        raise DeploymentError(f"Model {model.metadata.name}: {error}") from error
    except Exception as error:  # names and files of all kinds may raise anything
        raise DeploymentError(f"Model {model.metadata.name}: {describe(error)}") from error

    def load() -> Step:
        return load_step(model, found.uri, found.digest, site)

    step = load()
    runtime = read_settings(model, found.folder).implementation
    return _Loaded(step, Artifact(found.uri, found.digest, runtime, memory_of(load)))


def _load_again(model: Model, artifact: Artifact, site: Site) -> _Loaded:
    return _Loaded(load_step(model, artifact.uri, artifact.digest, site), artifact)


def _memory(model: Model, artifact: Artifact) -> Iterator[str]:
    declared = quantity(model.spec.memory) if model.spec.memory is not None else None
    if declared is not None and artifact.memory > declared:
        yield (
            f"Model {model.metadata.name}: spec.memory is {model.spec.memory}, but loading it was measured "
            f"to take {artifact.memory / 1024**2:.0f} MiB"
        )


def _doubts(pipeline: Pipeline, manifests: Manifests, loaded: Mapping[str, _Loaded]) -> Iterator[str]:
    name = pipeline.metadata.name
    steps = {step.name: loaded[step.name] for step in pipeline.spec.steps}
    monitor, rules = manifests.monitor_of(name), Settings().rules
    found = doubts(
        pipeline,
        {step: one.step for step, one in steps.items()},
        {step: one.artifact.uri for step, one in steps.items()},
        {step: in_force(monitor, step, rules).judgement.min_n for step in steps},
    )
    yield from (f"{manifests.origin[f'Pipeline/{name}']}: Pipeline/{name}: {line}" for line in found)


def _wrong_kinds(manifests: Manifests, loaded: Mapping[str, _Loaded]) -> Iterator[str]:
    for place, monitor in manifests.watching:
        pipeline = manifests.pipelines.get(monitor.spec.pipeline)
        names = [step.name for step in pipeline.spec.steps] if pipeline else []
        steps = {name: loaded[name].step for name in names if name in loaded}
        yield from (tidy(f"{place}: {line}") for line in wrong_kinds(monitor, steps))


def _release(
    pipeline: Pipeline, manifests: Manifests, loaded: Mapping[str, _Loaded], topics: Topics
) -> Release:
    models = [manifests.models[step.name] for step in pipeline.spec.steps]
    name = pipeline.metadata.name
    batched = [topics.model_outputs(step.name) for step in pipeline.spec.steps if step.batch.gathers]
    external = external_input(pipeline.spec.input)
    monitor = manifests.monitor_of(name)
    return Release(
        name=name,
        generation=0,
        pipeline=_plain(pipeline),
        models=[_resolved(model, loaded[model.metadata.name].artifact) for model in models],
        monitor=_plain(monitor) if monitor else None,
        artifacts={model.metadata.name: loaded[model.metadata.name].artifact for model in models},
        topics=[topics.inputs(name), topics.outputs(name), *batched],
        external_topic=topics.external(external.place) if external else "",
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _resolved(model: Model, artifact: Artifact) -> dict[str, Any]:
    """Return a model's document with the folder that was found for it."""
    spec = msgspec.structs.replace(model.spec, storage_uri=artifact.uri, artifact_version=None)
    return _plain(msgspec.structs.replace(model, spec=spec))


def _plain(document: Resource) -> dict[str, Any]:
    """Return a document without what only Kubernetes reads."""
    plain: dict[str, Any] = msgspec.to_builtins(
        msgspec.structs.replace(document, metadata=Metadata(name=document.metadata.name))
    )
    return {key: value for key, value in plain.items() if key != "status"}


def _externals(manifests: Manifests) -> Iterator[str]:
    """Yield external inputs that name a step which the other pipeline, where it is at hand, does not have."""
    for name, pipeline in manifests.pipelines.items():
        external = external_input(pipeline.spec.input)
        other = external and manifests.pipelines.get(external.place.pipeline)
        if external and other and external.place.step:
            steps = [step.name for step in other.spec.steps]
            if external.place.step not in steps:
                yield (
                    f"{manifests.origin[f'Pipeline/{name}']}: spec.input.externalInputs: pipeline "
                    f"{external.place.pipeline} has no step {external.place.step}; it has {', '.join(steps)}"
                )
