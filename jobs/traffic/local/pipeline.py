"""Runs a release on requests and yields everything that the job would emit for them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from time import time
from typing import NamedTuple

import numpy as np

from jobs.releases.apply import as_next_generation
from jobs.streaming.settings import Settings
from jobs.traffic.local.emitted_records import Emitted, EmittedDeadLetter, EmittedFlaggedRow, EmittedResponse
from jobs.traffic.local.windows import LocalWindows
from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.core.errors import DeploymentError, RecordError
from operators.core.micro_batch import ANSWERED, FAILED, NO_RESPONSE, RequestBatch, ResponseBatch
from operators.inference.engine import Engine
from operators.metrics.pipeline_tally import is_tally
from operators.models.runtimes.batched import WindowVerdict
from operators.pipeline.load import ModelCache, load_pipeline
from operators.pipeline.plan import Plan
from operators.protocol.decode import decode_request
from operators.rows.chunks import decode
from operators.windows.report import read_report


class LocalRequest(NamedTuple):
    """A request: the value of a record, and its offset."""

    offset: int
    value: bytes


class LocalPipeline:
    """Answers requests with one release and reports on its windows, as the job does with `settings`.

    With `external`, the requests are records of the topic that the pipeline reads as its external input.
    DeploymentError where the release cannot be loaded or has no such input.
    """

    def __init__(self, release: Release, settings: Settings, *, external: bool = False) -> None:
        self.release = as_next_generation(release, ControlState.empty(), "")
        self._settings = settings
        self._served = load_pipeline(self.release, ModelCache(settings.site))
        if external and self._served.external is None:
            raise DeploymentError(f"pipeline {release.name} has no spec.input.externalInputs")
        self._external = self._served.external if external else None
        self._flags: dict[str, WindowVerdict] = {}
        self._engine = Engine(
            [self._served], settings.topics, settings.max_record_bytes, lambda pipeline: self._flags
        )
        self._windows = {
            planned.name: LocalWindows(self.release, planned.name, planned.batch, settings)
            for planned in self.plan.steps
            if planned.batch
        }
        self._began = int(time() * 1000)

    @property
    def plan(self) -> Plan:
        """The compiled plan of the release."""
        assert self._served.plan is not None
        return self._served.plan

    @property
    def reads_responses(self) -> bool:
        """Whether the requests are another pipeline's or step's responses."""
        return self._external is not None and self._external.place.side == "outputs"

    def answer(self, requests: Iterable[LocalRequest]) -> Iterator[Emitted]:
        """Answer requests in their order; at the end, close the windows that are still open.

        A report follows the response to the request whose row closed its window. The next response shows its
        verdict.
        """
        for batch in self._micro_batches(requests):
            yield from self._answer(batch)
        for windows in self._windows.values():
            yield from windows.finish()

    def _micro_batches(self, requests: Iterable[LocalRequest]) -> Iterator[list[LocalRequest]]:
        """Yield micro-batches that end where a window may be full: the next response shows its verdict.

        Only rows of requests are counted. If a step makes more rows of them, its windows fill sooner, and up
        to a micro-batch of responses still shows the earlier verdict.
        """
        batch: list[LocalRequest] = []
        rows, room = 0, self._room()
        for request in requests:
            batch.append(request)
            rows += self._rows(request) if self._windows else 0
            if rows >= room or len(batch) == self._settings.batch_rows:
                yield batch
                batch, rows, room = [], 0, self._room()
        if batch:
            yield batch

    def _room(self) -> float:
        return min((windows.room for windows in self._windows.values()), default=np.inf)

    def _rows(self, request: LocalRequest) -> int:
        """Return the number of rows of a request, 0 where it cannot be decoded."""
        try:
            if self._external:
                decoded = self._external.decode(request.value, None)
            else:
                decoded = decode_request(request.value)
        except RecordError:
            return 0
        return decoded.inputs[0].shape[0] if decoded else 0

    def _answer(self, batch: list[LocalRequest]) -> Iterator[Emitted]:
        with redirect_model_output():
            responses = self._engine.answer(self._records(batch))
        for i, request in enumerate(batch):
            yield from self._of_request(responses, i, request)
        for chunk in map(decode, _chunks(responses)):
            for report in self._windows[chunk.step].add(chunk):
                window = read_report(report.body)
                if window and (flag := window.flag()):
                    self._flags[chunk.step] = flag
                yield report

    def _records(self, batch: list[LocalRequest]) -> RequestBatch:
        n, limit, name = len(batch), self._settings.max_record_bytes, self.release.name
        sizes = np.array([len(request.value) for request in batch])
        topic = self.release.external_topic if self._external else self._settings.topics.inputs(name)
        return RequestBatch(
            values=[request.value[:limit] for request in batch],
            topics=[topic] * n,
            partitions=np.zeros(n, dtype=np.int64),
            offsets=np.array([request.offset for request in batch]),
            timestamps=np.full(n, self._began),
            lengths=np.where(sizes > limit, sizes, -1),
            infer_types=[None] * n,
            origins=[self._external.place.pipeline if self._external else None] * n,
            readers=[name if self._external else ""] * n,
        )

    def _of_request(self, responses: ResponseBatch, i: int, request: LocalRequest) -> Iterator[Emitted]:
        topics, status, body = self._settings.topics, responses.statuses[i], responses.bodies[i]
        if status in (ANSWERED, NO_RESPONSE):
            topic = topics.outputs(self.release.name)
            yield EmittedResponse(topic, request.offset, responses.infer_types[i] or "", body or b"")
        for topic, tapped in zip(responses.tap_topics[i] or (), responses.tap_bodies[i] or (), strict=True):
            if topic == topics.outliers:
                yield EmittedFlaggedRow(topic, request.offset, tapped)
        if (reason := responses.reasons[i]) is not None:
            yield EmittedDeadLetter(
                topics.errors,
                request.offset,
                status == FAILED,
                reason,
                responses.steps[i] or "",
                responses.errors[i] or "",
                request.value[: self._settings.max_record_bytes],
            )


@contextmanager
def redirect_model_output() -> Iterator[None]:
    """Redirect what models print to standard error, and ignore their warnings.

    In the job, both are in the log of the worker.
    """
    with redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _chunks(responses: ResponseBatch) -> Iterator[bytes]:
    """Yield the chunks of all steps, in the order of their requests, without the tallies.

    Here the windows of a sharded step are not different from others.
    """
    columns = zip(responses.chunks, responses.shards, strict=True)
    messages = (message for pair in columns for per_request in pair for message in per_request or ())
    return (message for message in messages if not is_tally(message))
