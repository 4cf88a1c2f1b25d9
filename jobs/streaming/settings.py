"""The settings of the job."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from detectors.drift.confirmation import Confirmation
from detectors.drift.judgement import Judgement
from operators.core.errors import DeploymentError
from operators.core.names import NAME as PIPELINE_NAME
from operators.inference.supervision.process_limits import ProcessLimits
from operators.kafka.brokers import Brokers, find_brokers
from operators.kafka.connection import Connection
from operators.kafka.topics import TOPIC_NAME, Topics
from operators.models.runtimes.batched import WindowRules
from operators.storage.store_settings import read_stores
from operators.storage.trusted_roots import ArtifactPolicy, make_policy

# With a longer body, a response or dead letter may not fit into a Kafka record with key and headers.
MOST_RECORD_BYTES = 8 * 1024 * 1024
_POSITIVE = (
    "parallelism",
    "checkpoint_interval_ms",
    "batch_rows",
    "batch_ms",
    "max_record_bytes",
    "step_timeout",
    "confirm",
    "resolve",
)


def _setting(default: object, help_: str) -> Any:
    return field(default=default, metadata={"help": help_})


@dataclass(frozen=True)
class Settings:
    """Settings of the monitoring job. Flags override environment variables (`WEIR_` and the name)."""

    bootstrap_servers: str = _setting("", "Kafka brokers; empty: those of kafka_config, or localhost:9092")
    kafka_config: str = _setting("", "properties file of Kafka clients, at the same path on every machine")
    prefix: str = _setting("weir", "first part of every topic name")
    namespace: str = _setting("default", "second part of every topic name")
    requests_prefix: str = _setting("", "first part of request topics that others create")
    pipelines: str = _setting("", "pipelines to serve, comma-separated; empty: all of the namespace")
    parallelism: int = _setting(1, "subtasks of infer")
    max_parallelism: int = _setting(128, "key groups of the monitor; fixed once there is state")
    delivery: str = _setting("at-least-once", "guarantee for responses: at-least-once or exactly-once")
    checkpoint_interval_ms: int = _setting(
        5_000, "time between checkpoints; also the minimum delay of drift reports"
    )
    batch_rows: int = _setting(4_000, "maximum records in a micro-batch")
    batch_ms: int = _setting(20, "maximum wait for a micro-batch to fill")
    max_record_bytes: int = _setting(1_048_576, "maximum length of a request or response")
    transaction_timeout_ms: int = _setting(600_000, "at most the broker's transaction.max.timeout.ms")
    step_timeout: int = _setting(10, "seconds that a step may take for one request")
    worker_memory: int = _setting(
        0, "memory in MiB of a subtask's worker process; 0: half of what the machine or container has"
    )
    min_n: int = _setting(200, "a window with fewer rows is INSUFFICIENT_DATA")
    min_effect: float = _setting(0.1, "a smaller effect is not DRIFT, even if it is significant")
    tolerance: float = _setting(0.01, "share of bad values of a feature above which a window is a VIOLATION")
    confirm: int = _setting(2, "consecutive windows of DRIFT or VIOLATION that confirm it")
    resolve: int = _setting(2, "consecutive windows without them that resolve it")
    trusted_roots: str = _setting(
        "", "folders and URIs whose pickles and Python code may run, comma-separated"
    )
    artifact_cache: str = _setting("", "folder of fetched models; empty: below the temporary folder")
    stores: str = _setting("", "stores that a storageUri can name: a YAML or JSON file, or its text")
    external_inputs: str = _setting("", "comma-separated TOPIC=PIPELINE; `weir submit` sets it")

    def __post_init__(self) -> None:
        for problem in (*self._numbers(), *self._topics(), *self._lists()):
            raise DeploymentError(problem)
        read_stores(self.stores)

    def _numbers(self) -> Iterator[str]:
        for name in _POSITIVE:
            if getattr(self, name) < 1:
                yield f"{name} is {getattr(self, name)}; it must be at least 1"
        if not 0 <= self.tolerance < 1:
            yield f"tolerance is {self.tolerance}; it must be at least 0 and below 1"
        if self.max_record_bytes > MOST_RECORD_BYTES:
            yield f"max_record_bytes is {self.max_record_bytes}; it must be at most {MOST_RECORD_BYTES}"
        if self.worker_memory < 0:
            yield f"worker_memory is {self.worker_memory}; it must be at least 0"
        if self.max_parallelism < self.parallelism:
            yield (
                f"max_parallelism is {self.max_parallelism}; it must be at least parallelism, "
                f"which is {self.parallelism}"
            )

    def _topics(self) -> Iterator[str]:
        if self.delivery not in ("at-least-once", "exactly-once"):
            yield f"delivery is {self.delivery!r}; it must be at-least-once or exactly-once"
        if self.requests_prefix and not self.only:
            yield (
                f"requests_prefix is {self.requests_prefix!r}: set --pipelines to the pipelines that "
                "read them"
            )
        yield from self.topics.problems()

    def _lists(self) -> Iterator[str]:
        for name in self.only:
            if not PIPELINE_NAME.fullmatch(name):
                yield f"pipelines: {name!r} is not a valid name of a pipeline"
        for pair in self.external_inputs.split(",") if self.external_inputs else ():
            topic, _, pipeline = pair.partition("=")
            if not TOPIC_NAME.fullmatch(topic) or not PIPELINE_NAME.fullmatch(pipeline):
                yield (
                    f"external_inputs contains {pair!r}; it must be a comma-separated list of TOPIC=PIPELINE"
                )

    @property
    def external_pairs(self) -> list[tuple[str, str]]:
        """Pairs of an external topic and the pipeline that reads it besides its own topic."""
        pairs = [pair.partition("=") for pair in self.external_inputs.split(",") if pair]
        return [(topic, pipeline) for topic, _, pipeline in pairs]

    @property
    def site(self) -> ArtifactPolicy:
        """Trusted roots, stores, and the folder where fetched models are cached."""
        return make_policy(self.trusted_roots, self.artifact_cache, self.stores)

    @property
    def process_limits(self) -> ProcessLimits:
        """What a subtask's worker process may use."""
        return ProcessLimits(self.step_timeout, self.worker_memory)

    @property
    def topics(self) -> Topics:
        """The names of the job's topics."""
        return Topics(self.prefix, self.namespace, self.requests_prefix)

    @property
    def connection(self) -> Connection:
        """The brokers and topics that a worker connects to."""
        return Connection(Brokers(self.bootstrap_servers, self.kafka_config), self.topics)

    @property
    def rules(self) -> WindowRules:
        """The rules that decide the state of a window, and when a state is confirmed."""
        judgement = Judgement(self.min_n, self.min_effect)
        return WindowRules(judgement, Confirmation(self.confirm, self.resolve), self.tolerance)

    @property
    def job_name(self) -> str:
        """The name of the job in the web UI. Two running jobs must not have the same name."""
        return f"{self.prefix}.{self.namespace}" + (f"/{','.join(self.only)}" if self.only else "")

    @property
    def only(self) -> list[str]:
        """The pipelines that the job serves, sorted; an empty list means all of the namespace."""
        return sorted({name for name in self.pipelines.split(",") if name})


def parse_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read the settings from flags (`--batch-ms 10`) and environment (`WEIR_BATCH_MS=10`).

    The brokers are those of the properties file, or localhost:9092, if no setting names them.
    """
    parser = argparse.ArgumentParser(prog="jobs.production_monitoring", description=Settings.__doc__)
    for setting in fields(Settings):
        default = environment.get(f"WEIR_{setting.name.upper()}", _default(setting))
        parser.add_argument(
            f"--{setting.name.replace('_', '-')}",
            default=default,
            type=type(_default(setting)),
            help=f"{setting.metadata['help']} (default {default!r})",
        )
    values = vars(parser.parse_args(arguments))
    servers, config = find_brokers(values["bootstrap_servers"], values["kafka_config"])
    return Settings(**{**values, "bootstrap_servers": servers, "kafka_config": config})


def _default(setting: Field[object]) -> object:
    assert setting.default is not MISSING
    return setting.default


def defaults(settings: type[Settings]) -> Iterator[tuple[str, object, str]]:
    """Yield the name, the default and the help text of every setting."""
    yield from ((entry.name, _default(entry), entry.metadata["help"]) for entry in fields(settings))
