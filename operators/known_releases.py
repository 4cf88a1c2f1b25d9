"""Releases as the control topic tells them, read again only for one that is not known yet."""

from __future__ import annotations

from logging import WARNING

from operators.alerting.rules import PipelineRules, rules_of
from operators.control import Connection, read_control
from operators.errors import DeploymentError
from operators.logs import tell
from operators.releases import Release
from operators.serving import monitor_of


class KnownReleases:
    """The latest releases that were asked for, one of each pipeline."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._releases: dict[str, Release] = {}
        self._rules: dict[str, tuple[int, PipelineRules]] = {}

    def get(self, pipeline: str, generation: int) -> Release:
        """Return a release; DeploymentError where the control topic has none of that generation."""
        known = self._releases.get(pipeline)
        if known and known.generation == generation:
            return known
        release = read_control(self._connection).releases.get((pipeline, generation))
        if release is None:
            control = self._connection.topics.control
            raise DeploymentError(f"{control} holds no release {generation} of pipeline {pipeline}")
        self._releases[pipeline] = release
        return release

    def rules(self, pipeline: str, generation: int) -> PipelineRules:
        """Return what its alerts go by: the newest generation's that was asked for, the defaults if there is
        none."""
        known = self._rules.get(pipeline)
        if known and known[0] >= generation:
            return known[1]
        try:
            monitor = monitor_of(self.get(pipeline, generation))
        except DeploymentError as error:
            tell("AlertsByDefault", WARNING, pipeline=pipeline, generation=generation, why=error)
            monitor = None
        rules = rules_of(pipeline, monitor, self._connection.topics)
        self._rules[pipeline] = (generation, rules)
        return rules
