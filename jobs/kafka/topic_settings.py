"""Settings of the brokers and of topics, as Kafka has them in force."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from jobs.kafka.admin import open_admin
from operators.core.errors import DeploymentError
from operators.kafka.brokers import Brokers

# The client fails if the broker that it chooses has just ended; the next time it chooses another.
_ATTEMPTS = 3
_MAX_TRANSACTION = "transaction.max.timeout.ms"


class TopicSettings(NamedTuple):
    """The smallest number of replicas, and of replicas in sync, of a topic's partitions; its configuration.

    `configs` contains every key, also those that have the broker's default.
    """

    replicas: int
    in_sync: int
    configs: dict[str, str]


class KafkaSettings(NamedTuple):
    """The number of brokers, their longest transaction in milliseconds, and topics by name.

    `longest_transaction_ms` is the smallest of the brokers that answer, None where none does.
    """

    brokers: int
    longest_transaction_ms: int | None
    topics: dict[str, TopicSettings]


def read_kafka_settings(cluster: Brokers, is_wanted: Callable[[str], bool]) -> KafkaSettings:
    """Read the settings of the brokers and of the topics whose name is wanted.

    DeploymentError if Kafka does not answer or does not allow it.
    """
    for _ in range(_ATTEMPTS - 1):
        with suppress(DeploymentError):
            return _read(cluster, is_wanted)
    return _read(cluster, is_wanted)


def _read(cluster: Brokers, is_wanted: Callable[[str], bool]) -> KafkaSettings:
    with open_admin(cluster, "described") as client:
        brokers = [str(broker["broker_id"]) for broker in client.describe_cluster()["brokers"]]
        names = sorted(filter(is_wanted, client.list_topics()))
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        described = client.describe_configs(resources, config_filter="all") if names else {}
        transactions = [found for id_ in brokers if (found := _longest_transaction(client, id_))]
        partitions = {topic["name"]: topic["partitions"] for topic in client.describe_topics(names)}
    topics = {
        name: TopicSettings(
            min(len(one["replica_nodes"]) for one in partitions[name]),
            min(len(one["isr_nodes"]) for one in partitions[name]),
            {key: str(entry["value"]) for key, entry in described["topic"][name].items()},
        )
        for name in names
        if partitions.get(name)
    }
    return KafkaSettings(len(brokers), min(transactions, default=None), topics)


def _longest_transaction(client: KafkaAdminClient, broker: str) -> int | None:
    """Ask the broker itself; None where it does not answer, as for seconds after it ended."""
    resource = ConfigResource(ConfigResourceType.BROKER, broker, [_MAX_TRANSACTION])
    try:
        described = client.describe_configs([resource], config_filter="all")
    except (KafkaError, OSError):
        return None
    return int(described["broker"][broker][_MAX_TRANSACTION]["value"])
