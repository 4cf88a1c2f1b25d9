"""Releases as the control topic tells them, read again only for one that is not known yet."""

from __future__ import annotations

from collections.abc import Callable
from logging import WARNING

from operators.alerting.rules import PipelineRules, rules_of
from operators.documents import monitor_of
from operators.errors import DeploymentError
from operators.logs import tell
from operators.releases import Control, Release
from operators.topics import Topics


class KnownReleases:
    """The releases that `read` found when it was called last: what the control topic holds now."""

    def __init__(self, topics: Topics, read: Callable[[], Control]) -> None:
        self._topics = topics
        self._read = read
        self._releases: dict[tuple[str, int], Release] = {}
        self._rules: dict[str, tuple[int, PipelineRules]] = {}

    def get(self, pipeline: str, generation: int) -> Release:
        """Return a release; DeploymentError where the control topic has none, or cannot be read."""
        release = self._find(pipeline, generation)
        if release is None:
            raise DeploymentError(
                f"{self._topics.control} holds no release {generation} of pipeline {pipeline}"
            )
        return release

    def rules(self, pipeline: str, generation: int) -> PipelineRules:
        """Return what its alerts go by: the newest generation's that was asked for, the defaults if there is
        none. DeploymentError where the control topic cannot be read: guessing would resolve alerts."""
        known = self._rules.get(pipeline)
        if known and known[0] >= generation:
            return known[1]
        release, monitor = self._find(pipeline, generation), None
        try:
            monitor = monitor_of(release) if release else None
        except DeploymentError as error:
            tell("AlertsByDefault", WARNING, pipeline=pipeline, generation=generation, why=error)
        rules = rules_of(pipeline, monitor, self._topics)
        self._rules[pipeline] = (generation, rules)
        return rules

    def _find(self, pipeline: str, generation: int) -> Release | None:
        if (pipeline, generation) not in self._releases:
            self._releases = self._read().releases
        return self._releases.get((pipeline, generation))
