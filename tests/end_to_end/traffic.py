"""Traffic that goes on while something happens, with every request accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic, sleep, time
from typing import Any, NamedTuple

import msgspec
from numpy.typing import NDArray

from jobs.kafka.pipeline_client import PipelineClient, consumer_from_now, request_body
from tests.end_to_end.deployment import PATIENCE, Deployment


class Seen(NamedTuple):
    """An answer, and when its request was sent and it was read, in seconds since 1970."""

    key: str
    generation: str
    failed: bool
    body: Any
    sent: float
    read: float


class Traffic:
    """Sends one row a request at a rate, and reads every answer as it comes."""

    def __init__(self, job: Deployment, pipeline: str, rows: NDArray[Any], rate: float) -> None:
        self._client = PipelineClient(job.connection, pipeline)
        outputs = job.topics.outputs(pipeline)
        self._consumer = consumer_from_now(job.connection.brokers, [outputs])
        self._bodies = [request_body(row[None], "r") for row in rows]
        self._rate = rate
        self._ended, self._done = Event(), Event()
        self._sent: dict[str, float] = {}
        self.seen: list[Seen] = []
        self._threads = [Thread(target=self._send), Thread(target=self._read)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send no more, and wait until everything that was sent is answered."""
        self._ended.set()
        self._threads[0].join()
        deadline = monotonic() + PATIENCE
        while len({one.key for one in self.seen}) < len(self._sent) and monotonic() < deadline:
            sleep(0.2)
        self._done.set()
        self._threads[1].join()
        self._client.__exit__()
        self._consumer.close()

    def generations(self) -> list[str]:
        """Generations in the order in which they first answered."""
        return list(dict.fromkeys(one.generation for one in list(self.seen)))

    def assert_each_is_answered_once(self) -> None:
        keys = [one.key for one in self.seen]
        assert set(self._sent) == set(keys), f"{len(set(self._sent) - set(keys))} requests were lost"
        assert len(keys) == len(set(keys)), f"{len(keys) - len(set(keys))} were answered twice"

    def _send(self) -> None:
        started = monotonic()
        i = 0
        while not self._ended.is_set():
            key = f"t{i}"
            self._sent[key] = time()
            self._client.send(self._bodies[i % len(self._bodies)], key=key.encode())
            i += 1
            wait = started + i / self._rate - monotonic()
            if wait > 0:
                sleep(wait)
        self._client.producer.flush()

    def _read(self) -> None:
        while not self._done.is_set():
            for records in self._consumer.poll(timeout_ms=100).values():
                for record in records:
                    key = (record.key or b"").decode()
                    if key not in self._sent:
                        continue
                    headers = dict(record.headers)
                    failed = "seldon-pipeline-errors" in headers
                    self.seen.append(
                        Seen(
                            key,
                            headers.get("x-pipeline-version", b"").decode(),
                            failed,
                            record.value if failed else msgspec.json.decode(record.value),
                            self._sent[key],
                            time(),
                        )
                    )


@contextmanager
def traffic(job: Deployment, pipeline: str, rows: NDArray[Any], rate: float = 200.0) -> Iterator[Traffic]:
    """Traffic for as long as the block lasts."""
    one = Traffic(job, pipeline, rows, rate)
    one.start()
    try:
        yield one
    finally:
        one.stop()
