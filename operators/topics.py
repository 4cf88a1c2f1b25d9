"""Topic names, as Seldon Core 2 makes them."""

from __future__ import annotations

from typing import NamedTuple


class Topics(NamedTuple):
    """Names every topic of one namespace."""

    prefix: str = "weir"
    namespace: str = "default"

    @property
    def control(self) -> str:
        """Releases and heads; compacted, one partition."""
        return f"{self.prefix}.{self.namespace}.control"

    @property
    def errors(self) -> str:
        """Dead letters."""
        return f"{self.prefix}.{self.namespace}.errors.errors"

    def inputs(self, pipeline: str) -> str:
        """Requests of a pipeline."""
        return f"{self.prefix}.{self.namespace}.pipeline.{pipeline}.inputs"

    def outputs(self, pipeline: str) -> str:
        """Responses of a pipeline."""
        return f"{self.prefix}.{self.namespace}.pipeline.{pipeline}.outputs"

    def model_outputs(self, step: str) -> str:
        """What a step answered; the drift reports of a batched step."""
        return f"{self.prefix}.{self.namespace}.model.{step}.outputs"

    def pattern(self, kind: str, side: str) -> str:
        """Return the regular expression of all topics of a kind (`pipeline`, `model`) and side."""
        start = f"{self.prefix}.{self.namespace}.{kind}".replace(".", "[.]")
        return f"{start}[.][^.]+[.]{side}"
