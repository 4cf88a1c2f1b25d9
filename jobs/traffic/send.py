"""Sends traffic with known truth to a pipeline at a given rate, and writes the truth to a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep, time

import msgspec
import numpy as np

from jobs.kafka.pipeline_client import PipelineClient, request_body
from jobs.traffic.scenarios import Traffic

# A burst has this many times the rate, for this many seconds; a pause then restores the mean rate.
_BURST_FACTOR, _BURST_SECONDS = 5, 1.0


class Truth(msgspec.Struct, frozen=True, omit_defaults=True):
    """The truth about one request, a line of the file; it was sent `at` seconds since 1970."""

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
    """Send a request for each row, with `SCENARIO-SEED-NUMBER` as key and id, and yield its key.

    `rate` is in requests per second, 0 means without pauses. The file `truth` gets one line per request.
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
    """Return when request `number` is sent, in seconds after the first.

    >>> [moment(number, 2.0, bursts=False) for number in range(3)]
    [0.0, 0.5, 1.0]
    >>> [moment(number, 2.0, bursts=True) for number in (0, 1, 9, 10)]
    [0.0, 0.1, 0.9, 5.0]
    """
    if not rate:
        return 0.0
    if not bursts:
        return number / rate
    burst, within = divmod(number, max(1, round(_BURST_FACTOR * rate * _BURST_SECONDS)))
    return burst * _BURST_FACTOR * _BURST_SECONDS + within / (_BURST_FACTOR * rate)


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
