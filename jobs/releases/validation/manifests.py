"""Manifests → releases: everything that can be said of them without a broker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from jobs.releases.validation.external_inputs import cycles, external_places
from jobs.releases.validation.live_documents import LiveDocuments, registered
from jobs.releases.validation.load_models import Loaded, Say, is_remote, load_all, require_store
from jobs.releases.validation.monitors import kind_errors, warnings
from jobs.streaming.settings import Settings
from operators.control.release import Artifact, RegisteredModel, Release
from operators.core.errors import DeploymentError, tidy
from operators.kafka.topics import Topics
from operators.pipeline.external_input import external_input
from operators.pipeline.plan import Plan
from operators.pipeline.window_rules import effective_rules
from operators.resources.field_support import Resource
from operators.resources.manifests import APPLIED, Manifests, read_applied, read_manifests
from operators.resources.seldon_schema import Metadata, Model, Pipeline
from operators.storage.trusted_roots import ArtifactPolicy


class Checked(NamedTuple):
    """A release of generation 0 for each pipeline; models by name; notices; every error, a line each.

    `unloaded` are pipelines that have no release, since a model of theirs is not loaded here: only their text
    was checked.
    """

    releases: list[Release]
    models: dict[str, RegisteredModel]
    notices: list[str]
    errors: list[str]
    unloaded: list[Pipeline]

    def require(self) -> Checked:
        """Raise DeploymentError with all errors if there is one."""
        if self.errors:
            raise DeploymentError("\n".join(self.errors))
        return self


def check(
    paths: list[Path],
    topics: Topics,
    site: ArtifactPolicy,
    live: LiveDocuments | None = None,
    say: Say = lambda what: None,
) -> Checked:
    """Validate manifests as far as no broker is needed: models loaded and measured, plans compiled.

    With `live`, what the manifests leave out is taken from there, and a live pipeline that uses a model which
    changes has a release too. `say` receives each store before it is asked.
    """
    manifests = read_manifests(paths, live.add_to if live else None)
    checked = Checked([], {}, manifests.notices, manifests.errors, [])
    loaded = load_all(manifests, live.artifacts if live else {}, site, say)
    _release_all(manifests, loaded, topics, checked)
    for name, one in loaded.items():
        if manifests.origin[f"Model/{name}"] != APPLIED:
            checked.models[name] = RegisteredModel(
                _resolved(manifests.models[name], one.artifact), one.artifact
            )
    for release in live.releases.values() if live and not checked.errors else ():
        if release.name not in manifests.pipelines and _uses_another(release, checked.models):
            _renew(release, manifests, loaded, site, topics, checked, say)
    return _whole(manifests, checked)


def check_text(paths: list[Path], topics: Topics, site: ArtifactPolicy) -> Checked:
    """Validate manifests as far as files on this machine tell: no store is asked.

    A model in a store, and a document that is named and not among these, may be right: each is a notice.
    """
    manifests = read_manifests(paths, alone=False)
    checked = Checked([], {}, manifests.notices, manifests.errors, [])
    remote = {name: model for name, model in manifests.models.items() if is_remote(model)}
    for name, model in remote.items():
        place, uri = manifests.origin[f"Model/{name}"], model.spec.storage_uri
        told = f"{place}: Model {name}: not checked here: {uri} is in a store; --with-artifacts asks it"
        try:
            require_store(model, site)
            checked.notices.append(tidy(told))
        except DeploymentError as error:
            checked.errors.append(tidy(f"{place}: {error}"))
    here = {name: model for name, model in manifests.models.items() if name not in remote}
    loaded = load_all(manifests._replace(models=here), {}, site)
    _release_all(manifests, loaded, topics, checked)
    elsewhere = {name for _, name in manifests.wanted if f"Model/{name}" not in manifests.origin}
    for pipeline in manifests.pipelines.values():
        unloaded = {step.name for step in pipeline.spec.steps} - loaded.keys()
        if unloaded and unloaded <= elsewhere | remote.keys():
            checked.unloaded.append(pipeline)
    return _whole(manifests, checked)


def _whole(manifests: Manifests, checked: Checked) -> Checked:
    """Check what holds only of all pipelines together."""
    places = {
        name: external.place if (external := external_input(one.spec.input)) else None
        for name, one in manifests.pipelines.items()
    }
    checked.errors.extend(cycles({**external_places(checked.releases), **places}))
    if manifests.models and not checked.errors and not (checked.releases or checked.unloaded):
        checked.notices.append("there is no Pipeline: models go live with the pipelines that name them")
    return checked


def _release_all(
    manifests: Manifests, loaded: Mapping[str, Loaded], topics: Topics, checked: Checked
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


def _uses_another(release: Release, models: Mapping[str, RegisteredModel]) -> bool:
    """Tell whether a release has any of these models otherwise than they are now."""
    before = {model["metadata"]["name"]: model for model in release.models}
    return any(
        RegisteredModel(before[name], release.artifacts[name]).content() != models[name].content()
        for name in before.keys() & models.keys()
    )


def _renew(
    release: Release,
    manifests: Manifests,
    loaded: Mapping[str, Loaded],
    site: ArtifactPolicy,
    topics: Topics,
    checked: Checked,
    say: Say,
) -> None:
    """Release a live pipeline again, with the models that changed and its own others."""
    others = [one.model for one in registered(release) if one.model["metadata"]["name"] not in checked.models]
    own = read_applied([release.pipeline, *others, *([release.monitor] if release.monitor else [])])
    checked.errors.extend(own.errors)
    changed = {name: model for name, model in manifests.models.items() if name in checked.models}
    together = {
        **{name: loaded[name] for name in changed},
        **load_all(own, release.artifacts, site, say),
    }
    own.models.update(changed)
    _release_all(own, together, topics, checked)


def _doubts(pipeline: Pipeline, manifests: Manifests, loaded: Mapping[str, Loaded]) -> Iterator[str]:
    name = pipeline.metadata.name
    steps = {step.name: loaded[step.name] for step in pipeline.spec.steps}
    monitor, rules = manifests.monitor_of(name), Settings().rules
    found = warnings(
        pipeline,
        {step: one.step for step, one in steps.items()},
        {step: one.artifact.uri for step, one in steps.items()},
        {step: effective_rules(monitor, step, rules).judgement.min_n for step in steps},
    )
    yield from (f"{manifests.origin[f'Pipeline/{name}']}: Pipeline/{name}: {line}" for line in found)


def _wrong_kinds(manifests: Manifests, loaded: Mapping[str, Loaded]) -> Iterator[str]:
    for place, monitor in manifests.watching:
        pipeline = manifests.pipelines.get(monitor.spec.pipeline)
        names = [step.name for step in pipeline.spec.steps] if pipeline else []
        steps = {name: loaded[name].step for name in names if name in loaded}
        whole = len(steps) == len(names)
        yield from (tidy(f"{place}: {line}") for line in kind_errors(monitor, steps, whole=whole))


def _release(
    pipeline: Pipeline, manifests: Manifests, loaded: Mapping[str, Loaded], topics: Topics
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
