"""Everything that the checks judge, read once."""

from __future__ import annotations

from typing import NamedTuple

from jobs.flink.job_details import JobDetails, read_job_details
from jobs.flink.rest_api import Rest
from jobs.kafka.topic_settings import KafkaSettings, read_kafka_settings
from jobs.status.snapshot import Snapshot, take_snapshot
from jobs.streaming.settings import Settings
from operators.core.errors import DeploymentError
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics
from operators.storage.trusted_roots import ArtifactPolicy


class Evidence(NamedTuple):
    """The state of a namespace, its jobs and this machine.

    `kafka` is None where Kafka does not answer or does not allow to read its settings, and `kafka_error` is
    then the error. `configuration` and `flink_version` are empty where Flink does not answer. `site` are the
    settings of the command line.
    """

    topics: Topics
    snapshot: Snapshot
    kafka: KafkaSettings | None
    kafka_error: str
    jobs: list[JobDetails]
    flink_version: str
    configuration: dict[str, str]
    site: ArtifactPolicy


def gather(connection: Connection, rest: Rest | None, site: ArtifactPolicy) -> Evidence:
    """Read Kafka and Flink once."""
    snapshot, topics = take_snapshot(connection, rest), connection.topics
    kafka, kafka_error = None, snapshot.kafka_error
    if not kafka_error:
        try:
            kafka = read_kafka_settings(
                connection.brokers, lambda name: topics.is_ours(name) or topics.is_inputs(name)
            )
        except DeploymentError as error:
            kafka_error = str(error)
    own = [job for job in snapshot.jobs or () if job.name.partition("/")[0] == namespace_of(topics)]
    jobs = [read_job_details(rest, job) for job in own] if rest else []
    answers = rest is not None and snapshot.jobs is not None
    version, configuration = (rest.version(), rest.configuration()) if rest and answers else ("", {})
    return Evidence(topics, snapshot, kafka, kafka_error, jobs, version, configuration, site)


def namespace_of(topics: Topics) -> str:
    """Return the first part of the names of a namespace's jobs."""
    return f"{topics.prefix}.{topics.namespace}"


def number_of(job: JobDetails, setting: str) -> int:
    """Return a setting of a job that is a number; its default where the job does not report it."""
    return int(job.parameters.get(setting) or getattr(Settings(), setting))
