"""A broker without a cluster, for what needs no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.broker import Broker


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("broker"))
    yield broker
    broker.kill()
