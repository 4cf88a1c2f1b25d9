"""Validates manifests without a broker and turns them into releases."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from time import time
from typing import Any, NamedTuple

import msgspec

from jobs.releases.validation.external_inputs import cycles, external_places
from jobs.releases.validation.live_documents import LiveDocuments, registered
from jobs.releases.validation.load_models import Loaded, OnProgress, is_remote, load_all, require_store
from jobs.releases.validation.monitors import kind_errors, warnings
from jobs.streaming.settings import Settings
from operators.control.release import Artifact, RegisteredModel, Release
from operators.core.errors import DeploymentError, hide_userinfo, one_line
from operators.core.timestamps import iso_seconds
from operators.kafka.topics import Topics
from operators.pipeline.compile import compile_plan
from operators.pipeline.external_input import external_input
from operators.pipeline.window_rules import effective_rules
from operators.resources.field_support import Resource
from operators.resources.manifests import APPLIED, Manifests, manifests_of, read_manifests
from operators.resources.seldon_schema import Metadata, Model, Pipeline
from operators.storage.trusted_roots import ArtifactPolicy


class Checked(NamedTuple):
    """The result of validation: releases of generation 0, models by name, notices and errors.

    `errors` has one line for each error. `unloaded` are pipelines of which only the text was checked, because
    one of their models is not loaded here; they have no release.
    """

    releases: list[Release]
    models: dict[str, RegisteredModel]
    notices: list[str]
    errors: list[str]
    unloaded: list[Pipeline]

    def require(self) -> Checked:
        """Return itself; DeploymentError with all errors if there are any."""
        if self.errors:
            raise DeploymentError("\n".join(self.errors))
        return self


def check(
    paths: list[Path],
    topics: Topics,
    site: ArtifactPolicy,
    live: LiveDocuments | None = None,
    on_progress: OnProgress = lambda what: None,
) -> Checked:
    """Validate manifests: load the models, measure their memory, and compile the plans.

    With `live`, documents that the manifests leave out are taken from there, and each live pipeline that uses
    a changed model gets a release too. `on_progress` receives a line before a model is fetched from a store.
    """
    manifests = read_manifests(paths, live.add_to if live else None)
    checked = Checked([], {}, manifests.notices, manifests.errors, [])
    loaded = load_all(manifests.models, manifests, live.artifacts if live else {}, site, on_progress)
    _release_all(manifests, loaded, topics, checked)
    for name, model in loaded.items():
        if manifests.origin[f"Model/{name}"] != APPLIED:
            document = _resolved(manifests.models[name], model.artifact)
            checked.models[name] = RegisteredModel(document, model.artifact)
    for release in live.releases.values() if live and not checked.errors else ():
        if release.name not in manifests.pipelines and _uses_changed_model(release, checked.models):
            applied = _unchanged(release, checked.models)
            unchanged = load_all(applied.models, applied, release.artifacts, site, on_progress)
            checked.errors.extend(applied.errors)
            applied.models.update({name: manifests.models[name] for name in checked.models})
            _release_all(applied, {**loaded, **unchanged}, topics, checked)
    return _check_together(manifests, checked)


def check_text(paths: list[Path], topics: Topics, site: ArtifactPolicy) -> Checked:
    """Validate manifests with the files on this machine, without access to stores.

    A model in a store, and a reference to a document that is not among these, may be valid: each is a notice.
    """
    manifests = read_manifests(paths, alone=False)
    checked = Checked([], {}, manifests.notices, manifests.errors, [])
    remote = {name: model for name, model in manifests.models.items() if is_remote(model)}
    for name, model in remote.items():
        place, uri = manifests.origin[f"Model/{name}"], hide_userinfo(model.spec.storage_uri)
        notice = f"{place}: Model {name}: not checked here: {uri} is in a store; --with-artifacts fetches it"
        try:
            require_store(model, site)
            checked.notices.append(one_line(notice))
        except DeploymentError as error:
            checked.errors.append(one_line(f"{place}: {error}"))
    local = {name: model for name, model in manifests.models.items() if name not in remote}
    loaded = load_all(local, manifests, {}, site)
    _release_all(manifests, loaded, topics, checked)
    missing = {name for _, name in manifests.model_references if f"Model/{name}" not in manifests.origin}
    for pipeline in manifests.pipelines.values():
        unloaded = {step.name for step in pipeline.spec.steps} - loaded.keys()
        if unloaded and unloaded <= missing | remote.keys():
            checked.unloaded.append(pipeline)
    return _check_together(manifests, checked)


def _check_together(manifests: Manifests, checked: Checked) -> Checked:
    """Add the errors and notices that depend on all pipelines together."""
    places = {
        name: external.place if (external := external_input(pipeline.spec.input)) else None
        for name, pipeline in manifests.pipelines.items()
    }
    checked.errors.extend(cycles({**external_places(checked.releases), **places}))
    if manifests.models and not checked.errors and not (checked.releases or checked.unloaded):
        checked.notices.append("there is no Pipeline; a model goes live with a pipeline that uses it")
    return checked


def _release_all(
    manifests: Manifests, loaded: Mapping[str, Loaded], topics: Topics, checked: Checked
) -> None:
    for name, pipeline in manifests.pipelines.items():
        if any(step.name not in loaded for step in pipeline.spec.steps):
            continue
        try:
            steps = {step.name: loaded[step.name].step for step in pipeline.spec.steps}
            compile_plan(pipeline, steps)
            checked.releases.append(_release(pipeline, manifests, loaded, topics))
        except DeploymentError as error:
            checked.errors.append(one_line(f"{manifests.origin[f'Pipeline/{name}']}: {error}"))
        else:
            checked.notices.extend(_warnings(pipeline, manifests, loaded))
    checked.errors.extend([*_kind_errors(manifests, loaded), *_external_errors(manifests)])


def _uses_changed_model(release: Release, models: Mapping[str, RegisteredModel]) -> bool:
    """Return whether a release has any of these models with a different content."""
    before = {model["metadata"]["name"]: model for model in release.models}
    return any(
        RegisteredModel(before[name], release.artifacts[name]).content() != models[name].content()
        for name in before.keys() & models.keys()
    )


def _unchanged(release: Release, changed: Collection[str]) -> Manifests:
    """Return the documents of a live pipeline, without its changed models."""
    models = [registered_model.model for registered_model in registered(release)]
    kept = [model for model in models if model["metadata"]["name"] not in changed]
    return manifests_of([release.pipeline, *kept, *([release.monitor] if release.monitor else [])])


def _warnings(pipeline: Pipeline, manifests: Manifests, loaded: Mapping[str, Loaded]) -> Iterator[str]:
    name = pipeline.metadata.name
    steps = {step.name: loaded[step.name] for step in pipeline.spec.steps}
    monitor, rules = manifests.monitor_of(name), Settings().rules
    lines = warnings(
        pipeline,
        {step: model.step for step, model in steps.items()},
        {step: model.artifact.uri for step, model in steps.items()},
        {step: effective_rules(monitor, step, rules).judgement.min_n for step in steps},
    )
    yield from (f"{manifests.origin[f'Pipeline/{name}']}: Pipeline/{name}: {line}" for line in lines)


def _kind_errors(manifests: Manifests, loaded: Mapping[str, Loaded]) -> Iterator[str]:
    for place, monitor in manifests.read_monitors:
        pipeline = manifests.pipelines.get(monitor.spec.pipeline)
        names = [step.name for step in pipeline.spec.steps] if pipeline else []
        steps = {name: loaded[name].step for name in names if name in loaded}
        is_complete = len(steps) == len(names)
        lines = kind_errors(monitor, steps, is_complete=is_complete)
        yield from (one_line(f"{place}: {line}") for line in lines)


def _release(
    pipeline: Pipeline, manifests: Manifests, loaded: Mapping[str, Loaded], topics: Topics
) -> Release:
    models = [manifests.models[step.name] for step in pipeline.spec.steps]
    name = pipeline.metadata.name
    batched = [topics.model_outputs(step.name) for step in pipeline.spec.steps if step.batch.is_batched]
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
        created_at=iso_seconds(time()),
    )


def _resolved(model: Model, artifact: Artifact) -> dict[str, Any]:
    """Return a model's document with the URI of the folder that its storageUri resolved to."""
    spec = msgspec.structs.replace(model.spec, storage_uri=artifact.uri, artifact_version=None)
    return _plain(msgspec.structs.replace(model, spec=spec))


def _plain(document: Resource) -> dict[str, Any]:
    """Return a document without the fields that only Kubernetes reads."""
    plain: dict[str, Any] = msgspec.to_builtins(
        msgspec.structs.replace(document, metadata=Metadata(name=document.metadata.name))
    )
    return {key: value for key, value in plain.items() if key != "status"}


def _external_errors(manifests: Manifests) -> Iterator[str]:
    """Yield an error for each external input that names an unknown step of a pipeline of the manifests."""
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
