"""What manifests leave out is taken from what is live: pipelines, Monitors, models, as they were applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from operators.control.control_state import ControlState
from operators.control.release import Artifact, RegisteredModel, Release
from operators.resources.manifests import Manifests, add_document


class LiveDocuments:
    """What is applied now. `artifacts` grows with each model that is taken in: where its files are."""

    def __init__(self, control: ControlState) -> None:
        self.releases = {release.name: release for release in control.live()}
        self._registered = control.models
        self.artifacts: dict[str, Artifact] = {}

    def add_to(self, manifests: Manifests) -> None:
        """Take in live pipelines whose Monitor was read, Monitors of those that were, and models named."""
        watched = {monitor.spec.pipeline for _, monitor in manifests.watching}
        for name in sorted(watched & self.releases.keys()):
            add_document(self.releases[name].pipeline, manifests)
        for name in sorted((manifests.pipelines.keys() - watched) & self.releases.keys()):
            if monitor := self.releases[name].monitor:
                add_document(monitor, manifests)
        for _, name in list(manifests.wanted):
            found = self._model(name, manifests)
            if found and add_document(found.model, manifests):
                self.artifacts[name] = found.artifact

    def _model(self, name: str, manifests: Manifests) -> RegisteredModel | None:
        """Find a model: as the pipelines read have it now, else as it was registered, else anywhere."""
        own = [release for one, release in self.releases.items() if one in manifests.pipelines]
        known = self._registered.get(name)
        found = [*_of(name, own), *([known] if known else []), *_of(name, self.releases.values())]
        return found[0] if found else None


def _of(name: str, releases: Iterable[Release]) -> list[RegisteredModel]:
    every = (one for release in releases for one in registered(release))
    return [one for one in every if one.model["metadata"]["name"] == name]


def registered(release: Release) -> Iterator[RegisteredModel]:
    """Yield the models of a release as they would be registered."""
    for model in release.models:
        name = model["metadata"]["name"]
        if name in release.artifacts:
            yield RegisteredModel(model, release.artifacts[name])
