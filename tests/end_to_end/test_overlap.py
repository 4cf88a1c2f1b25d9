"""Jobs of other clusters, as their workers report them on a real broker."""

from __future__ import annotations

from time import time

import msgspec
import pytest
from kafka import KafkaProducer

from jobs.flink.overlap import require_alone
from jobs.flink.rest_api import Rest
from jobs.kafka.admin import create_control
from operators.control.status import STALE_AFTER
from operators.core.errors import DeploymentError
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics
from tests.builders.workers import worker_status
from tests.support.broker import Broker

NO_CLUSTER = Rest("http://127.0.0.1:1")


def test_a_job_of_another_cluster_excludes_one_of_the_same_pipelines(broker: Broker) -> None:
    connection = Connection(broker.brokers, Topics("weir", "overlap"))
    create_control(connection)
    require_alone("weir.overlap", NO_CLUSTER, connection)
    with KafkaProducer(**broker.brokers.options()) as producer:
        # As its last record, of a moment ahead: it is alive for as long as the test takes.
        status = worker_status("weir.overlap/p,q", time() + 60, time())
        producer.send(connection.topics.status, key=status.key.encode(), value=msgspec.json.encode(status))
    require_alone("weir.overlap/r", NO_CLUSTER, connection)
    for job in ("weir.overlap/q,r", "weir.overlap"):
        with pytest.raises(DeploymentError, match=r"workers of job weir\.overlap/p,q of another cluster run"):
            require_alone(job, NO_CLUSTER, connection, patience=0)


def test_workers_of_a_job_that_was_killed_are_waited_for(broker: Broker) -> None:
    connection = Connection(broker.brokers, Topics("weir", "killed"))
    create_control(connection)
    with KafkaProducer(**broker.brokers.options()) as producer:
        status = worker_status("weir.killed", time() - STALE_AFTER + 2, time() - 100)
        producer.send(connection.topics.status, key=status.key.encode(), value=msgspec.json.encode(status))
    with pytest.raises(DeploymentError):
        require_alone("weir.killed", NO_CLUSTER, connection, patience=0)
    require_alone("weir.killed", NO_CLUSTER, connection)
