"""Settings of the brokers and of topics, as Kafka has them in force."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kafka.admin import ConfigResource, ConfigResourceType

from jobs.kafka.admin import open_admin

_MAX_TRANSACTION = "transaction.max.timeout.ms"


class TopicSettings(NamedTuple):
    """The smallest number of replicas, and of replicas in sync, of a topic's partitions; its configuration.

    `configs` contains every key, also those that have the broker's default.
    """

    replicas: int
    in_sync: int
    configs: dict[str, str]


class KafkaSettings(NamedTuple):
    """The number of brokers, their longest transaction in milliseconds, and topics by name."""

    brokers: int
    longest_transaction_ms: int
    topics: dict[str, TopicSettings]


def read_kafka_settings(bootstrap: str, is_wanted: Callable[[str], bool]) -> KafkaSettings:
    """Read the settings of the brokers and of the topics whose name is wanted.

    DeploymentError if Kafka does not answer or does not allow it.
    """
    with open_admin(bootstrap, "described") as client:
        brokers = [str(broker["broker_id"]) for broker in client.describe_cluster()["brokers"]]
        names = sorted(filter(is_wanted, client.list_topics()))
        resources = [
            *(ConfigResource(ConfigResourceType.TOPIC, name) for name in names),
            *(ConfigResource(ConfigResourceType.BROKER, id_, [_MAX_TRANSACTION]) for id_ in brokers),
        ]
        described = client.describe_configs(resources, config_filter="all")
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
    longest = min(int(entry[_MAX_TRANSACTION]["value"]) for entry in described["broker"].values())
    return KafkaSettings(len(brokers), longest, topics)
