"""Topic names, as Seldon Core 2 makes them."""

from __future__ import annotations

from typing import NamedTuple

from operators.resources.references import External


class Topics(NamedTuple):
    """Names every topic of one namespace.

    Requests are read from those of `requests_prefix`, where that is another's; the rest is our own.
    """

    prefix: str = "weir"
    namespace: str = "default"
    requests_prefix: str = ""

    @property
    def control(self) -> str:
        """Releases and heads; compacted, one partition."""
        return f"{self.prefix}.{self.namespace}.control"

    @property
    def status(self) -> str:
        """What workers say of themselves; compacted, one partition."""
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
        """What each pipeline did in ten seconds."""
        return f"{self.prefix}.{self.namespace}.rates"

    @property
    def outliers(self) -> str:
        """Flagged rows, and why each was."""
        return f"{self.prefix}.{self.namespace}.outliers"

    def inputs(self, pipeline: str) -> str:
        """Requests of a pipeline."""
        return f"{self.requests_prefix or self.prefix}.{self.namespace}.pipeline.{pipeline}.inputs"

    def outputs(self, pipeline: str) -> str:
        """Responses of a pipeline."""
        return f"{self.prefix}.{self.namespace}.pipeline.{pipeline}.outputs"

    def model_outputs(self, step: str) -> str:
        """What a step answered; the drift reports of a batched step."""
        return f"{self.prefix}.{self.namespace}.model.{step}.outputs"

    def step_of(self, topic: str) -> str:
        """Return the step whose outputs a topic holds."""
        start, end = self.model_outputs("|").split("|")
        return topic.removeprefix(start).removesuffix(end)

    def model_inputs(self, step: str) -> str:
        """What a step was sent."""
        return f"{self.prefix}.{self.namespace}.model.{step}.inputs"

    def external(self, external: External) -> str:
        """Name the topic that an external input is read from."""
        if external.step:
            name = external.step
            return self.model_inputs(name) if external.side == "inputs" else self.model_outputs(name)
        name = external.pipeline
        return self.inputs(name) if external.side == "inputs" else self.outputs(name)

    def pattern(self, kind: str, side: str) -> str:
        """Return the regular expression of all topics of a kind (`pipeline`, `model`) and side."""
        return f"{literal(f'{self.prefix}.{self.namespace}.{kind}')}[.][^.]+[.]{side}"

    def is_ours(self, topic: str) -> bool:
        """Tell whether a topic is one of this namespace, and not another's whose requests are read."""
        return topic.startswith(f"{self.prefix}.{self.namespace}.")

    def is_inputs(self, topic: str) -> bool:
        """Tell whether a topic holds a pipeline's requests."""
        start, end = self.inputs("|").split("|")
        return topic.startswith(start) and topic.endswith(end)


def literal(topic: str) -> str:
    """Return the regular expression of one topic; names hold no other special character than the dot."""
    return topic.replace(".", "[.]")
