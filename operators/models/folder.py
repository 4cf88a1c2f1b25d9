"""One model's folder on its way to become a step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from operators.core.errors import DeploymentError
from operators.models.pickles import Unpickled, unpickle
from operators.models.probe import Probe
from operators.models.settings import ModelSettings
from operators.storage.trusted_roots import ArtifactPolicy, Origin, require_trust


class Folder(NamedTuple):
    """A private copy at `path` of what `origin` holds, with its settings and its recorded probe."""

    path: Path
    origin: Origin
    digest: str
    settings: ModelSettings
    probe: Probe | None
    site: ArtifactPolicy

    def file(self, names: Sequence[str]) -> Path:
        """Return the file that `parameters.uri` names, or the first of these that is there."""
        named = self.path / self.settings.uri
        if named.is_file():
            return named
        for name in names:
            if (named / name).is_file():
                return named / name
        raise DeploymentError(f"{named} holds none of {', '.join(names)}")

    def unpickle(self, path: Path) -> Unpickled:
        """Load a pickle of this folder, if it is trusted."""
        self.require_trust(path)
        if not path.is_file():
            raise DeploymentError(f"{path} does not exist")
        return unpickle(path, self.probe.versions if self.probe else {})

    def require_trust(self, path: Path) -> None:
        """Raise DeploymentError unless the file is one of this folder, and its code may run."""
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise DeploymentError(
                f"{path} lies outside the model's folder {self.path}, so no digest vouches for it"
            )
        require_trust(self.origin, str(path), self.site)
