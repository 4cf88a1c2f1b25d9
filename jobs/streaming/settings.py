"""Everything that can be set on the job, in one frozen place."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields

from detectors.drift.confirmation import Confirmation
from detectors.drift.judgement import Judgement
from operators.core.errors import DeploymentError
from operators.core.names import NAME as PIPELINE_NAME
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics
from operators.models.runtimes.batched import WindowRules
from operators.storage.store_settings import read_stores
from operators.storage.trusted_roots import ArtifactPolicy, make_policy

# Above it, what came in with its key and headers may not fit into a record on the way out.
MOST_RECORD_BYTES = 8 * 1024 * 1024
_POSITIVE = (
    "parallelism",
    "checkpoint_interval_ms",
    "batch_rows",
    "batch_ms",
    "max_record_bytes",
    "confirm",
    "resolve",
)
_TOPIC_PART = re.compile(r"[a-zA-Z0-9._-]+")


def _setting(default: object, help_: str) -> object:
    return field(default=default, metadata={"help": help_})


@dataclass(frozen=True)
class Settings:
    """Settings of the monitoring job: flags win over environment variables (`WEIR_` and the name)."""

    bootstrap_servers: str = _setting("localhost:9092", "Kafka brokers")  # type: ignore[assignment]
    prefix: str = _setting("weir", "first part of every topic name")  # type: ignore[assignment]
    namespace: str = _setting("default", "second part of every topic name")  # type: ignore[assignment]
    requests_prefix: str = _setting("", "first part of the topics of requests, where others write them")  # type: ignore[assignment]
    pipelines: str = _setting("", "pipelines to serve, by commas; empty: all of the namespace")  # type: ignore[assignment]
    parallelism: int = _setting(1, "subtasks of infer")  # type: ignore[assignment]
    max_parallelism: int = _setting(128, "key groups of the monitor; fixed once there is state")  # type: ignore[assignment]
    delivery: str = _setting("at-least-once", "of responses: at-least-once or exactly-once")  # type: ignore[assignment]
    checkpoint_interval_ms: int = _setting(5_000, "also the least delay of drift reports")  # type: ignore[assignment]
    batch_rows: int = _setting(1_000, "most records of a micro-batch")  # type: ignore[assignment]
    batch_ms: int = _setting(20, "longest wait for a micro-batch to fill")  # type: ignore[assignment]
    max_record_bytes: int = _setting(1_048_576, "longest request and response")  # type: ignore[assignment]
    transaction_timeout_ms: int = _setting(600_000, "at most the broker's transaction.max.timeout.ms")  # type: ignore[assignment]
    min_n: int = _setting(200, "a window of fewer rows is INSUFFICIENT_DATA")  # type: ignore[assignment]
    min_effect: float = _setting(0.1, "a smaller difference is no DRIFT, however sure")  # type: ignore[assignment]
    tolerance: float = _setting(0.01, "share of bad values of a feature above which a window is a VIOLATION")  # type: ignore[assignment]
    confirm: int = _setting(2, "windows of DRIFT or VIOLATION in a row that confirm it")  # type: ignore[assignment]
    resolve: int = _setting(2, "windows in a row without that resolve it")  # type: ignore[assignment]
    trusted_roots: str = _setting("", "folders and URIs whose pickles and Python may run, by commas")  # type: ignore[assignment]
    artifact_cache: str = _setting("", "where fetched models are kept; empty: below the temporary folder")  # type: ignore[assignment]
    stores: str = _setting("", "stores that storageUri names: a YAML or JSON file, or its text")  # type: ignore[assignment]
    external_inputs: str = _setting("", "TOPIC=PIPELINE by commas; `weir submit` fills it in")  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.delivery not in ("at-least-once", "exactly-once"):
            raise DeploymentError(f"delivery must be at-least-once or exactly-once, got {self.delivery!r}")
        for name in _POSITIVE:
            if getattr(self, name) < 1:
                raise DeploymentError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.tolerance < 1:
            raise DeploymentError(f"tolerance must be a share from 0 to below 1, got {self.tolerance}")
        if self.max_record_bytes > MOST_RECORD_BYTES:
            raise DeploymentError(f"max_record_bytes must be at most {MOST_RECORD_BYTES}")
        if self.max_parallelism < self.parallelism:
            raise DeploymentError(f"max_parallelism must be at least parallelism, got {self.max_parallelism}")
        if self.requests_prefix and not self.only:
            raise DeploymentError(
                f"requests_prefix {self.requests_prefix!r} needs --pipelines: name whose requests are read"
            )
        for name in ("prefix", "namespace", *(["requests_prefix"] if self.requests_prefix else [])):
            if not _TOPIC_PART.fullmatch(getattr(self, name)):
                found = repr(getattr(self, name))
                raise DeploymentError(
                    f"{name} may hold letters, digits, dots, dashes and underscores, got {found}"
                )
        read_stores(self.stores)
        for name in self.only:
            if not PIPELINE_NAME.fullmatch(name):
                raise DeploymentError(f"pipelines: {name!r} is no pipeline's name")

        for pair in self.external_inputs.split(",") if self.external_inputs else ():
            topic, _, pipeline = pair.partition("=")
            if not _TOPIC_PART.fullmatch(topic) or not PIPELINE_NAME.fullmatch(pipeline):
                raise DeploymentError(f"external_inputs must be TOPIC=PIPELINE by commas, got {pair!r}")

    @property
    def external_pairs(self) -> list[tuple[str, str]]:
        """Topics that pipelines read besides their own, each with the pipeline."""
        pairs = [pair.partition("=") for pair in self.external_inputs.split(",") if pair]
        return [(topic, pipeline) for topic, _, pipeline in pairs]

    @property
    def site(self) -> ArtifactPolicy:
        """What may run and where fetched models are kept."""
        return make_policy(self.trusted_roots, self.artifact_cache, self.stores)

    @property
    def topics(self) -> Topics:
        """Name the topics."""
        return Topics(self.prefix, self.namespace, self.requests_prefix)

    @property
    def connection(self) -> Connection:
        """What a worker needs to find Kafka."""
        return Connection(self.bootstrap_servers, self.topics)

    @property
    def rules(self) -> WindowRules:
        """What makes a verdict a state, and states a finding."""
        judgement = Judgement(self.min_n, self.min_effect)
        return WindowRules(judgement, Confirmation(self.confirm, self.resolve), self.tolerance)

    @property
    def job_name(self) -> str:
        """Name the job as the web UI shows it; no other job may have it while this one runs."""
        return f"{self.prefix}.{self.namespace}" + (f"/{self.pipelines}" if self.pipelines else "")

    @property
    def only(self) -> list[str]:
        """Pipelines that the job serves; empty means all of the namespace."""
        return [name for name in self.pipelines.split(",") if name]


def parse_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read settings from flags (`--batch-ms 10`) and environment (`WEIR_BATCH_MS=10`)."""
    parser = argparse.ArgumentParser(prog="jobs.production_monitoring", description=Settings.__doc__)
    for setting in fields(Settings):
        default = environment.get(f"WEIR_{setting.name.upper()}", _default(setting))
        parser.add_argument(
            f"--{setting.name.replace('_', '-')}",
            default=default,
            type=type(_default(setting)),
            help=f"{setting.metadata['help']} (default {default!r})",
        )
    return Settings(**vars(parser.parse_args(arguments)))


def _default(setting: Field[object]) -> object:
    assert setting.default is not MISSING
    return setting.default


def defaults(settings: type[Settings]) -> Iterator[tuple[str, object, str]]:
    """Yield every setting with its default and what it means."""
    yield from ((one.name, _default(one), one.metadata["help"]) for one in fields(settings))
