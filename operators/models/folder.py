"""A model's folder, as the loaders of `formats` read it."""

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
    """A private copy, at `path`, of the folder at `origin`, with its settings and its probe.

    `digest` is the copy's; `site` decides which origins may run code.
    """

    path: Path
    origin: Origin
    digest: str
    settings: ModelSettings
    probe: Probe | None
    site: ArtifactPolicy

    def file(self, names: Sequence[str]) -> Path:
        """Return the file that `parameters.uri` names, or the first existing one of `names`.

        Raises DeploymentError if none exists.
        """
        named = self.path / self.settings.uri
        if named.is_file():
            return named
        for name in names:
            if (named / name).is_file():
                return named / name
        raise DeploymentError(f"{named} contains none of {', '.join(names)}")

    def unpickle(self, path: Path) -> Unpickled:
        """Load a pickle of this folder.

        Raises UntrustedError if its code may not run, DeploymentError if it cannot be read.
        """
        self.require_trust(path)
        if not path.is_file():
            raise DeploymentError(f"{path} does not exist")
        return unpickle(path, self.probe.versions if self.probe else {})

    def require_trust(self, path: Path) -> None:
        """Raise DeploymentError unless the file is inside this folder and its code may run."""
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise DeploymentError(
                f"{path} is outside the model's folder {self.path}, so no digest covers it: move it there"
            )
        require_trust(self.origin, str(path), self.site)
