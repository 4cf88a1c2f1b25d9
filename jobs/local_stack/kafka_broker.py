"""A one-node Kafka broker in KRaft mode."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from jobs.flink.paths import jars, java
from jobs.local_stack import processes
from jobs.local_stack.ports import HOST, Ports, listens
from operators.core.errors import DeploymentError
from operators.kafka.brokers import Brokers

_HEAP = ("-Xms256m", "-Xmx768m")


def start_broker(
    folder: Path, ports: Ports, stack: str, settings: Mapping[str, object] = MappingProxyType({})
) -> int:
    """Format the storage if it is new, start the broker, and return its process id.

    `settings` of the broker replace those of the local stack.
    DeploymentError where the storage cannot be formatted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "server.properties"
    config.write_text(_properties(folder / "data", ports, settings), "utf-8")
    command = [java(), *_HEAP, "-cp", os.pathsep.join(map(str, jars("kafka")))]
    if not (folder / "data" / "meta.properties").exists():
        format_command = [*command, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(config)]
        done = subprocess.run(format_command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DeploymentError(
                f"{folder}: Kafka's storage could not be formatted: {done.stderr or done.stdout}"
            )
    return processes.spawn([*command, "kafka.Kafka", str(config)], stack, folder / "broker.log", {})


def local_brokers(ports: Ports) -> Brokers:
    """Return the address of the broker, for its clients."""
    return Brokers(f"{HOST}:{ports.kafka}")


def broker_answers(ports: Ports) -> bool:
    """Return whether the broker answers a request."""
    if not listens(ports.kafka):
        return False
    try:
        client = KafkaAdminClient(
            **local_brokers(ports).options(), bootstrap_timeout_ms=1_000, request_timeout_ms=5_000
        )
    except (KafkaError, OSError):
        return False
    with client:
        try:
            client.list_topics()
        except KafkaError:
            return False
    return True


_CLUSTER_ID = "d2VpcndlaXJ3ZWlyd2Vpcg"


def _properties(data: Path, ports: Ports, settings: Mapping[str, object]) -> str:
    local = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{ports.controller}",
        "listeners": f"PLAINTEXT://{HOST}:{ports.kafka},CONTROLLER://{HOST}:{ports.controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{ports.kafka}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "num.partitions": 2,
        "message.max.bytes": 64 * 1024 * 1024,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
    }
    return "".join(f"{key}={value}\n" for key, value in {**local, **settings}.items())
