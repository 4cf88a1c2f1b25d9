"""Releases → pipelines that can serve: models are loaded, plans compiled, batched steps configured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from operators.control.documents import monitor_of, pipeline_of
from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.core.redaction import Redaction
from operators.models.load import load_step
from operators.models.runtimes.batched import BatchedStep, WindowRules
from operators.models.step import Step
from operators.pipeline.compile import compile_plan
from operators.pipeline.external_input import ExternalInput, external_input
from operators.pipeline.plan import Plan
from operators.pipeline.window_rules import effective_rules
from operators.resources.field_support import Resource
from operators.resources.manifests import parse_document
from operators.resources.seldon_schema import Batch, Model
from operators.storage.trusted_roots import ArtifactPolicy


class LoadedPipeline(NamedTuple):
    """A release that is ready to serve.

    If it could not be loaded, `failure` is the reason, `plan` is None, and its requests are dead-lettered.
    `sharded` are the steps whose rows are counted in parallel.
    """

    release: Release
    plan: Plan | None
    failure: str = ""
    external: ExternalInput | None = None
    sharded: frozenset[str] = frozenset()


class ModelCache:
    """Loads each model once, even if several releases use it."""

    def __init__(self, site: ArtifactPolicy) -> None:
        self._site = site
        self._steps: dict[bytes, Step] = {}

    def load(self, release: Release, document: dict[str, Any]) -> Step:
        """Return a model of a release, loaded or cached; DeploymentError if it cannot be loaded."""
        key = _identity(release, document)
        if key not in self._steps:
            self._steps[key] = self._load(release, parse_document(document))
        return self._steps[key]

    def keep(self, releases: Iterable[Release]) -> None:
        """Remove the models that none of these releases uses."""
        used = {_identity(release, document) for release in releases for document in release.models}
        self._steps = {key: step for key, step in self._steps.items() if key in used}

    def _load(self, release: Release, model: Resource) -> Step:
        artifact = release.artifacts.get(model.metadata.name)
        if not isinstance(model, Model) or artifact is None:
            raise DeploymentError(
                f"release {release.name}/{release.generation}: {model.metadata.name} is not a Model with an "
                "artifact; apply the pipeline again"
            )
        return load_step(model, artifact.uri, artifact.digest, self._site)


def _identity(release: Release, document: dict[str, Any]) -> bytes:
    artifact = release.artifacts.get(str(document.get("metadata", {}).get("name")))
    content = (artifact.uri, artifact.digest) if artifact else None
    return msgspec.json.encode((document, content), order="sorted")


def load_pipeline(release: Release, models: ModelCache) -> LoadedPipeline:
    """Load every model of a release and compile its plan.

    DeploymentError lists all documents that cannot be used, one per line.
    """
    pipeline = pipeline_of(release)
    steps: dict[str, Step] = {}
    errors = []
    for document in release.models:
        try:
            steps[document["metadata"]["name"]] = models.load(release, document)
        except DeploymentError as error:
            errors.append(str(error))
    monitor = None
    try:
        monitor = monitor_of(release)
    except DeploymentError as error:
        errors.append(str(error))
    if errors:
        raise DeploymentError("\n".join(errors))
    plan = compile_plan(pipeline, steps, Redaction(monitor.spec.redact if monitor else ()))
    sharded = monitor.sharded if monitor else frozenset()
    return LoadedPipeline(release, plan, external=external_input(pipeline.spec.input), sharded=sharded)


class BatchedStepConfig(NamedTuple):
    """A batched step of one generation: its model, its batch settings and the rules of its windows.

    `digest` is that of the model's artifact.
    """

    step: BatchedStep
    batch: Batch
    rules: WindowRules
    digest: str


def batched_step_config(
    release: Release, name: str, models: ModelCache, rules: WindowRules
) -> BatchedStepConfig:
    """Load one batched step of a release; DeploymentError if the step gathers no rows.

    `rules` are the job's defaults for values that the Monitor omits.
    """
    batches = {step.name: step.batch for step in pipeline_of(release).spec.steps}
    step = models.load(release, next(one for one in release.models if one["metadata"]["name"] == name))
    if not isinstance(step, BatchedStep):
        raise DeploymentError(
            f"release {release.name}/{release.generation}: step {name} gathers no rows; only drift detectors "
            "and data quality checks do"
        )
    rules = effective_rules(monitor_of(release), name, rules)
    return BatchedStepConfig(step, batches[name], rules, release.artifacts[name].digest)


def external_input_of(release: Release) -> ExternalInput | None:
    """Return a release's external input; None if it has none, or if its manifest cannot be read."""
    try:
        return external_input(pipeline_of(release).spec.input)
    except DeploymentError:
        return None
