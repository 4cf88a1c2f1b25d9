"""A cache of releases; to find a missing release, it reads the control topic again."""

from __future__ import annotations

from collections.abc import Callable

from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.kafka.topics import Topics


class ReleaseCache:
    """The releases that were on the control topic when `read` was last called."""

    def __init__(self, topics: Topics, read: Callable[[], ControlState]) -> None:
        self._topics = topics
        self._read = read
        self._releases: dict[tuple[str, int], Release] = {}

    def get(self, pipeline: str, generation: int) -> Release:
        """Return a release; DeploymentError if it does not exist or the control topic cannot be read."""
        release = self.find(pipeline, generation)
        if release is None:
            raise DeploymentError(
                f"{self._topics.control} contains no release {generation} of pipeline {pipeline}"
            )
        return release

    def find(self, pipeline: str, generation: int) -> Release | None:
        """Return a release, None if there is none; DeploymentError if the topic cannot be read."""
        if (pipeline, generation) not in self._releases:
            self._releases = self._read().releases
        return self._releases.get((pipeline, generation))
