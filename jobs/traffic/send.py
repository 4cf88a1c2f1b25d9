"""Traffic with known truth onto a pipeline's topic, at a pace, with its truth kept beside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep, time

import msgspec
import numpy as np

from jobs.kafka.pipeline_client import PipelineClient, request_body
from jobs.traffic.scenarios import Traffic

# A burst comes so many times as fast as the rate, for so many seconds; then nothing until the rate is kept.
_FASTER, _SECONDS = 5, 1.0


class Truth(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is true of one request, a line of the file; `at` is when it was sent, in seconds since 1970."""

    key: str
    at: float
    scenario: str
    outlier: bool = False
    missing: bool = False
    unseen: bool = False
    moved: tuple[str, ...] = ()


def send(
    client: PipelineClient, scenario: str, traffic: Traffic, seed: int, rate: float, truth: Path
) -> Iterator[str]:
    """Send a request for each row, with `SCENARIO-SEED-NUMBER` as key and id, and yield each key once sent.

    `rate` is in requests a second, 0 means as fast as it goes. The file holds the truth, a line a request.
    """
    truth.parent.mkdir(parents=True, exist_ok=True)
    started = monotonic()
    with truth.open("wb") as file:
        for number, row in enumerate(traffic.rows):
            wait = started + moment(number, rate, bursts=scenario == "bursts") - monotonic()
            if wait > 0:
                sleep(wait)
            key = f"{scenario}-{seed}-{number}"
            client.send(request_body(row[np.newaxis], key), key=key.encode())
            file.write(msgspec.json.encode(_truth(traffic, number, key, scenario)) + b"\n")
            yield key
    client.producer.flush()


def moment(number: int, rate: float, *, bursts: bool) -> float:
    """Return when a request is sent, in seconds from the first.

    >>> [moment(number, 2.0, bursts=False) for number in range(3)]
    [0.0, 0.5, 1.0]
    >>> [moment(number, 2.0, bursts=True) for number in (0, 1, 9, 10)]
    [0.0, 0.1, 0.9, 5.0]
    """
    if not rate:
        return 0.0
    if not bursts:
        return number / rate
    burst, within = divmod(number, max(1, round(_FASTER * rate * _SECONDS)))
    return burst * _FASTER * _SECONDS + within / (_FASTER * rate)


def _truth(traffic: Traffic, number: int, key: str, scenario: str) -> Truth:
    return Truth(
        key,
        time(),
        scenario,
        bool(traffic.outlier[number]),
        bool(traffic.missing[number]),
        bool(traffic.unseen[number]),
        traffic.moved,
    )
