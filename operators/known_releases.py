"""Releases as the control topic tells them, read again only for one that is not known yet."""

from __future__ import annotations

from logging import WARNING

from operators.alerting.rules import PipelineRules, rules_of
from operators.control import Connection, read_control
from operators.documents import monitor_of
from operators.errors import DeploymentError
from operators.logs import tell
from operators.releases import Release


class KnownReleases:
    """The releases that the control topic held when it was read last."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._releases: dict[tuple[str, int], Release] = {}
        self._rules: dict[str, tuple[int, PipelineRules]] = {}

    def get(self, pipeline: str, generation: int) -> Release:
        """Return a release; DeploymentError where the control topic has none, or cannot be read."""
        release = self._find(pipeline, generation)
        if release is None:
            control = self._connection.topics.control
            raise DeploymentError(f"{control} holds no release {generation} of pipeline {pipeline}")
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
        rules = rules_of(pipeline, monitor, self._connection.topics)
        self._rules[pipeline] = (generation, rules)
        return rules

    def _find(self, pipeline: str, generation: int) -> Release | None:
        if (pipeline, generation) not in self._releases:
            self._releases = read_control(self._connection).releases
        return self._releases.get((pipeline, generation))
