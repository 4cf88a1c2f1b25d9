"""The names of topics, in the scheme of Seldon Core 2."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from operators.resources.references import External

# The characters of a topic's name.
TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]+")
# Without a dot, so that no two pairs of prefix and namespace have the same topics.
_NAMESPACE = re.compile(r"[a-zA-Z0-9_-]+")


class Topics(NamedTuple):
    """The names of every topic of one namespace.

    `requests_prefix`, if it is set, is the prefix of the topics that requests are read from, for example
    Seldon's. All other topics have Weir's own `prefix`.
    """

    prefix: str = "weir"
    namespace: str = "default"
    requests_prefix: str = ""

    def problems(self) -> Iterator[str]:
        """Yield why topics cannot have these names, one line each."""
        for name, value in (("prefix", self.prefix), ("requests_prefix", self.requests_prefix)):
            if not TOPIC_NAME.fullmatch(value) and (value or name == "prefix"):
                yield f"{name} is {value!r}; it may contain letters, digits, dots, dashes and underscores"
        if not _NAMESPACE.fullmatch(self.namespace):
            yield f"namespace is {self.namespace!r}; it may contain letters, digits, dashes and underscores"

    @property
    def control(self) -> str:
        """Releases and heads; compacted, one partition."""
        return f"{self.prefix}.{self.namespace}.control"

    @property
    def status(self) -> str:
        """Status of workers, and events; compacted, one partition."""
        return f"{self.prefix}.{self.namespace}.status"

    @property
    def errors(self) -> str:
        """Dead letters."""
        return f"{self.prefix}.{self.namespace}.errors.errors"

    @property
    def alerts(self) -> str:
        """Alerts that fire and resolve."""
        return f"{self.prefix}.{self.namespace}.alerts"

    @property
    def rates(self) -> str:
        """Counts of each pipeline, one record per ten seconds."""
        return f"{self.prefix}.{self.namespace}.rates"

    @property
    def outliers(self) -> str:
        """Flagged rows, with the reason for each."""
        return f"{self.prefix}.{self.namespace}.outliers"

    def inputs(self, pipeline: str) -> str:
        """Requests of a pipeline."""
        return f"{self.requests_prefix or self.prefix}.{self.namespace}.pipeline.{pipeline}.inputs"

    def outputs(self, pipeline: str) -> str:
        """Responses of a pipeline."""
        return f"{self.prefix}.{self.namespace}.pipeline.{pipeline}.outputs"

    def model_outputs(self, step: str) -> str:
        """Outputs of a step; the reports of a batched step."""
        return f"{self.prefix}.{self.namespace}.model.{step}.outputs"

    def step_of(self, topic: str) -> str:
        """Return the step whose outputs a topic contains."""
        start, end = self.model_outputs("|").split("|")
        return topic.removeprefix(start).removesuffix(end)

    def model_inputs(self, step: str) -> str:
        """Inputs of a step."""
        return f"{self.prefix}.{self.namespace}.model.{step}.inputs"

    def external(self, external: External) -> str:
        """Return the topic that an external input is read from."""
        if external.step:
            name = external.step
            return self.model_inputs(name) if external.side == "inputs" else self.model_outputs(name)
        name = external.pipeline
        return self.inputs(name) if external.side == "inputs" else self.outputs(name)

    def pattern(self, kind: str, side: str) -> str:
        """Return the regular expression of all topics of a kind (`pipeline`, `model`) and side."""
        return f"{literal(f'{self.prefix}.{self.namespace}.{kind}')}[.][^.]+[.]{side}"

    def is_ours(self, topic: str) -> bool:
        """Return whether a topic has the own prefix and namespace; those of `requests_prefix` have not."""
        return topic.startswith(f"{self.prefix}.{self.namespace}.")

    def is_inputs(self, topic: str) -> bool:
        """Return whether a topic contains a pipeline's requests."""
        start, end = self.inputs("|").split("|")
        return topic.startswith(start) and topic.endswith(end)


def literal(topic: str) -> str:
    """Return the regular expression of one topic; the dot is the only special character in names."""
    return topic.replace(".", "[.]")
