"""Cache of the alert rules of pipelines."""

from __future__ import annotations

from logging import WARNING

from operators.alerts.rules import PipelineRules, alert_rules
from operators.control.documents import monitor_of
from operators.control.release_cache import ReleaseCache
from operators.core.errors import DeploymentError
from operators.core.event_log import log_event
from operators.kafka.topics import Topics


class AlertRulesCache:
    """The alert rules of each pipeline, from the newest generation that was requested."""

    def __init__(self, topics: Topics, releases: ReleaseCache) -> None:
        self._topics = topics
        self._releases = releases
        self._rules: dict[str, tuple[int, PipelineRules]] = {}

    def get(self, pipeline: str, generation: int) -> PipelineRules:
        """Return the rules of `generation`, or of a newer one that was requested before.

        They are the defaults if the generation has no Monitor, or is not on the control topic.
        DeploymentError if the topic cannot be read, because default rules could resolve firing alerts.
        """
        cached = self._rules.get(pipeline)
        if cached and cached[0] >= generation:
            return cached[1]
        release, monitor = self._releases.find(pipeline, generation), None
        try:
            monitor = monitor_of(release) if release else None
        except DeploymentError as error:
            log_event("AlertsByDefault", WARNING, pipeline=pipeline, generation=generation, why=error)
        rules = alert_rules(pipeline, monitor, self._topics)
        self._rules[pipeline] = (generation, rules)
        return rules
