"""Adds live documents that manifests refer to but leave out: pipelines, Monitors, models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from operators.control.control_state import ControlState
from operators.control.release import Artifact, RegisteredModel, Release
from operators.resources.manifests import Manifests


class LiveDocuments:
    """The documents that are applied now.

    `artifacts` maps a model to its artifact; it contains the models that `add_to` added.
    """

    def __init__(self, control: ControlState) -> None:
        self.releases = {release.name: release for release in control.live()}
        self._registered = control.models
        self.artifacts: dict[str, Artifact] = {}

    def add_to(self, manifests: Manifests) -> None:
        """Add the live documents that belong to the manifests and are not among them.

        They are the pipelines of the Monitors, the Monitors of the pipelines, and the models that are named.
        """
        watched = {monitor.spec.pipeline for _, monitor in manifests.read_monitors}
        for name in sorted(watched & self.releases.keys()):
            manifests.add_applied(self.releases[name].pipeline)
        for name in sorted((manifests.pipelines.keys() - watched) & self.releases.keys()):
            if monitor := self.releases[name].monitor:
                manifests.add_applied(monitor)
        for _, name in list(manifests.model_references):
            model = self._find_model(name, manifests)
            if model and manifests.add_applied(model.model):
                self.artifacts[name] = model.artifact

    def _find_model(self, name: str, manifests: Manifests) -> RegisteredModel | None:
        """Return a model of the manifests' live pipelines, else as registered, else of any live pipeline."""
        own = [release for pipeline, release in self.releases.items() if pipeline in manifests.pipelines]
        registered_model = self._registered.get(name)
        candidates = [
            *_models_named(name, own),
            *([registered_model] if registered_model else []),
            *_models_named(name, self.releases.values()),
        ]
        return candidates[0] if candidates else None


def _models_named(name: str, releases: Iterable[Release]) -> list[RegisteredModel]:
    models = (model for release in releases for model in registered(release))
    return [model for model in models if model.model["metadata"]["name"] == name]


def registered(release: Release) -> Iterator[RegisteredModel]:
    """Yield the models of a release in the form in which they are registered."""
    for model in release.models:
        name = model["metadata"]["name"]
        if name in release.artifacts:
            yield RegisteredModel(model, release.artifacts[name])
