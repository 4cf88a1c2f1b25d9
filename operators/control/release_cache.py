"""A cache of releases. A release that is not in it is looked for by reading the control topic again."""

from __future__ import annotations

from collections.abc import Callable

from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.kafka.topics import Topics


class ReleaseCache:
    """The releases on the control topic when `read` was called last."""

    def __init__(self, topics: Topics, read: Callable[[], ControlState]) -> None:
        self._topics = topics
        self._read = read
        self._releases: dict[tuple[str, int], Release] = {}

    def get(self, pipeline: str, generation: int) -> Release:
        """Return a release; DeploymentError where the control topic has none, or cannot be read."""
        release = self.find(pipeline, generation)
        if release is None:
            raise DeploymentError(
                f"{self._topics.control} holds no release {generation} of pipeline {pipeline}"
            )
        return release

    def find(self, pipeline: str, generation: int) -> Release | None:
        """Return a release, None where there is none; DeploymentError where the topic cannot be read."""
        if (pipeline, generation) not in self._releases:
            self._releases = self._read().releases
        return self._releases.get((pipeline, generation))
