"""Ports of several brokers."""

from __future__ import annotations

import msgspec

from jobs.local_stack.ports import Ports, default_ports, free_ports


def test_every_broker_has_ports_of_its_own() -> None:
    for ports in (default_ports(3), free_ports(3)):
        names, numbers = zip(*ports.named(), strict=True)
        assert len(set(numbers)) == 9
        assert {"kafka 1", "kafka 3", "controller 2", "web"} <= set(names)
        assert ports.bootstrap_servers.split(",") == [f"127.0.0.1:{one.kafka}" for one in ports.brokers]
    assert default_ports(3).kafka == Ports().kafka
    assert default_ports() == Ports()


def test_a_stack_of_an_earlier_version_is_found() -> None:
    assert msgspec.json.decode(b'{"kafka": 7, "controller": 8}', type=Ports).brokers[0].kafka == 7
