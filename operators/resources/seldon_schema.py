"""The schema of Seldon's `Model` and `Pipeline`; their keys are written in camelCase."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

JoinType = Literal["inner", "outer", "any"]
# The most rows of a window that closes by time alone.
MOST_WINDOW_ROWS = 100_000


class Document(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True, kw_only=True
):
    """A strict document: unknown keys are errors."""


class Metadata(Document, frozen=True):
    """Kubernetes metadata; Weir uses only `name`."""

    name: str
    namespace: str = "default"
    labels: dict[str, Any] = {}
    annotations: dict[str, Any] = {}
    uid: Any = None
    resource_version: Any = None
    generation: Any = None
    creation_timestamp: Any = None
    managed_fields: Any = None
    finalizers: Any = None
    owner_references: Any = None


class Batch(Document, frozen=True):
    """How rows are gathered into windows: a window closes after `size` rows or after `window_ms`.

    A limit of 0 is not set. `rolling` windows overlap.
    """

    size: int = 0
    window_ms: int = 0
    rolling: bool = False

    @property
    def is_batched(self) -> bool:
        """Whether rows are gathered into windows."""
        return bool(self.size or self.window_ms)

    @property
    def rows(self) -> int:
        """Rows of a full window."""
        return self.size or MOST_WINDOW_ROWS

    @property
    def slide(self) -> int:
        """Rows that a full window drops when it closes: a tenth if it is rolling, else all."""
        return max(1, self.rows // 10) if self.rolling else self.rows

    def kept(self, held: int) -> int:
        """Return how many of the `held` rows of a closed window stay in the next one.

        A rolling window of more than `rows - slide` rows drops `slide` rows; a smaller one drops none.
        """
        if not self.rolling:
            return 0
        most = self.rows - self.slide
        return held if held <= most else max(0, held - self.slide)


class StepSpec(Document, frozen=True):
    """One step of a pipeline; without `inputs` it reads the pipeline's input."""

    name: str
    inputs: list[str] = []
    inputs_join_type: JoinType = "inner"
    join_window_ms: int = 0
    tensor_map: dict[str, str] = {}
    triggers: list[str] = []
    triggers_join_type: JoinType = "inner"
    batch: Batch = Batch()


class PipelineInput(Document, frozen=True):
    """Inputs from other pipelines."""

    external_inputs: list[str] = []
    external_triggers: list[str] = []
    join_window_ms: int = 0
    join_type: JoinType = "inner"
    triggers_join_type: JoinType = "inner"
    tensor_map: dict[str, str] = {}


class PipelineOutput(Document, frozen=True):
    """The outputs that a response contains."""

    steps: list[str] = []
    join_window_ms: int = 0
    steps_join: JoinType = "inner"
    tensor_map: dict[str, str] = {}


class DataflowSpec(Document, frozen=True):
    """How Seldon cleans up topics; no effect in Weir."""

    clean_topics_on_delete: bool = False


class PipelineSpec(Document, frozen=True):
    """The body of a Pipeline."""

    steps: list[StepSpec]
    input: PipelineInput = PipelineInput()
    output: PipelineOutput | None = None
    dataflow: DataflowSpec = DataflowSpec()
    allow_cycles: bool = False
    max_step_revisits: int = 0


class Parameter(Document, frozen=True):
    """A name and a value for the model's runtime."""

    name: str
    value: str


class ModelSpec(Document, frozen=True):
    """The body of a Model."""

    storage_uri: str
    requirements: list[str] = []
    model_type: str = ""
    artifact_version: int | None = None
    schema_uri: str = ""
    secret_name: str = ""
    memory: str | int | None = None
    replicas: int | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    server: str = ""
    preloaded: bool = False
    dedicated: bool = False
    logger: dict[str, Any] | None = None
    explainer: dict[str, Any] | None = None
    llm: dict[str, Any] | None = None
    parameters: list[Parameter] = []
    dataflow: DataflowSpec = DataflowSpec()


class Pipeline(Document, frozen=True):
    """A document of `kind: Pipeline`."""

    api_version: Literal["mlops.seldon.io/v1alpha1"]
    kind: Literal["Pipeline"]
    metadata: Metadata
    spec: PipelineSpec
    status: Any = None


class Model(Document, frozen=True):
    """A document of `kind: Model`."""

    api_version: Literal["mlops.seldon.io/v1alpha1"]
    kind: Literal["Model"]
    metadata: Metadata
    spec: ModelSpec
    status: Any = None
