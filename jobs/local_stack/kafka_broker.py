"""Kafka brokers in KRaft mode; each is a controller too."""

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

# In MiB, of all brokers together, and at least of each.
_HEAP, _LEAST_HEAP = 768, 256


def start_brokers(folder: Path, ports: Ports, stack: str) -> list[int]:
    """Start every broker, and return their process ids in the order of `ports.brokers`.

    DeploymentError where the storage of one cannot be formatted.
    """
    return [start_broker(folder, ports, stack, number) for number in range(1, len(ports.brokers) + 1)]


def start_broker(
    folder: Path,
    ports: Ports,
    stack: str,
    number: int = 1,
    settings: Mapping[str, object] = MappingProxyType({}),
) -> int:
    """Format the storage of a broker if it is new, start it, and return its process id.

    The first broker's files are in `folder`, those of the others in `broker-NUMBER` below it. `settings` of
    the broker replace those of the local stack.
    DeploymentError where the storage cannot be formatted.
    """
    folder = folder if number == 1 else folder / f"broker-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "server.properties"
    config.write_text(_properties(folder / "data", ports, number, settings), "utf-8")
    heap = max(_LEAST_HEAP, _HEAP // len(ports.brokers))
    command = [java(), f"-Xms{_LEAST_HEAP}m", f"-Xmx{heap}m", "-cp", os.pathsep.join(map(str, jars("kafka")))]
    if not (folder / "data" / "meta.properties").exists():
        format_command = [*command, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(config)]
        done = subprocess.run(format_command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DeploymentError(
                f"{folder}: Kafka's storage could not be formatted: {done.stderr or done.stdout}"
            )
    return processes.spawn([*command, "kafka.Kafka", str(config)], stack, folder / "broker.log", {})


def local_brokers(ports: Ports) -> Brokers:
    """Return the addresses of the brokers, for their clients."""
    return Brokers(ports.bootstrap_servers)


def brokers_answer(ports: Ports) -> bool:
    """Return whether every broker listens, is registered, and one of them answers a request."""
    if not all(listens(broker.kafka) for broker in ports.brokers):
        return False
    try:
        client = KafkaAdminClient(
            **local_brokers(ports).options(), bootstrap_timeout_ms=1_000, request_timeout_ms=5_000
        )
    except (KafkaError, OSError):
        return False
    with client:
        try:
            registered = client.describe_cluster()["brokers"]
        except KafkaError:
            return False
    return len(registered) == len(ports.brokers)


_CLUSTER_ID = "d2VpcndlaXJ3ZWlyd2Vpcg"


def _properties(data: Path, ports: Ports, number: int, settings: Mapping[str, object]) -> str:
    own, count = ports.brokers[number - 1], len(ports.brokers)
    replicas, in_sync = min(3, count), 2 if count >= 3 else 1
    voters = (f"{i}@{HOST}:{broker.controller}" for i, broker in enumerate(ports.brokers, 1))
    local = {
        "process.roles": "broker,controller",
        "node.id": number,
        "controller.quorum.voters": ",".join(voters),
        "listeners": f"PLAINTEXT://{HOST}:{own.kafka},CONTROLLER://{HOST}:{own.controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{own.kafka}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "num.partitions": 2,
        "message.max.bytes": 64 * 1024 * 1024,
        # Topics that Weir creates have these too, because it leaves them to the brokers.
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        "group.initial.rebalance.delay.ms": 0,
    }
    return "".join(f"{key}={value}\n" for key, value in {**local, **settings}.items())
