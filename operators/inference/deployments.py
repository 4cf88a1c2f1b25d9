"""Control → what one worker serves: for each pipeline its head, or what served before where that fails."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from logging import ERROR
from time import monotonic, time
from typing import NamedTuple

from operators.control.control_state import ControlState
from operators.control.release import Release
from operators.control.window_epochs import ended
from operators.core.errors import DeploymentError, describe
from operators.core.event_log import log_event
from operators.inference.monitor_feed import RemovedStep
from operators.pipeline.load import LoadedPipeline, ModelCache, external_input_of, load_pipeline

# How many generations are tried, the newest first, until one can be loaded.
_TRIED = 3
# What failed is tried again after so many seconds, then after twice as many, and so on up to the second.
_RETRY_AFTER, _LONGEST_RETRY = 15.0, 300.0


class Deployment(NamedTuple):
    """What serves a pipeline; `head` is the generation that should, `failure` says why another one does."""

    served: LoadedPipeline
    head: int
    failure: str = ""

    @property
    def generation(self) -> int:
        """The generation that answers, 0 where none can."""
        return self.served.release.generation if self.served.plan else 0


class _Failed(NamedTuple):
    head: int
    wait: float
    again: float


class Deployments:
    """Takes up what the control topic says, for the pipelines in `only`, or for all where that is empty.

    A release is loaded while the one before it serves, and replaces it only when it is whole.
    """

    def __init__(self, models: ModelCache, only: Collection[str] = ()) -> None:
        self._models = models
        self._only = frozenset(only)
        self._failed: dict[str, _Failed] = {}
        self.deployments: dict[str, Deployment] = {}
        self.ended: list[RemovedStep] = []
        self.taps: dict[str, float] = {}

    @property
    def served(self) -> list[LoadedPipeline]:
        """What answers, a pipeline each."""
        return [deployment.served for deployment in self.deployments.values()]

    def reconcile(self, control: ControlState) -> bool:
        """Follow the control topic; returns whether anything else serves, or ended, than before."""
        self._failed = {name: failed for name, failed in self._failed.items() if name in control.heads}
        names = [name for name in control.names() if not self._only or name in self._only]
        deployments = dict(self._deploy_all(control, names))
        gone = [one for name in names for one in _ended(control, name, deployments.get(name))]
        taps = {name: until for name, until in control.taps.items() if until > time()}
        if (deployments, gone, taps) == (self.deployments, self.ended, self.taps):
            return False
        self.deployments, self.ended, self.taps = deployments, gone, taps
        self._models.keep(served.release for served in self.served)
        return True

    def _deploy_all(self, control: ControlState, names: list[str]) -> Iterator[tuple[str, Deployment]]:
        for name in names:
            candidates = control.candidates(name)
            if candidates:
                deployment = self._deploy(name, candidates)
                head = control.heads[name]
                if head != candidates[0].generation:
                    deployment = Deployment(deployment.served, head, control.reason_missing(name, head))
                yield name, deployment

    def is_due(self) -> bool:
        """Tell whether something that failed should be tried again."""
        return any(failed.again <= monotonic() for failed in self._failed.values())

    def _deploy(self, name: str, candidates: list[Release]) -> Deployment:
        head, now = candidates[0], self.deployments.get(name)
        if now and now.generation == head.generation and now.served.release == head:
            return now if not now.failure else Deployment(now.served, head.generation)
        failed = self._failed.get(name)
        if now and failed and failed.head == head.generation and monotonic() < failed.again:
            return now
        try:
            served = load_pipeline(head, self._models)
        except Exception as error:  # whatever it is, the other pipelines are not touched
            why = str(error) if isinstance(error, DeploymentError) else describe(error)
            self._schedule_retry(name, head.generation)
            if now and now.served.plan:
                return Deployment(now.served, head.generation, why)
            return self._fall_back(candidates, why)
        self._failed.pop(name, None)
        return Deployment(served, head.generation)

    def _fall_back(self, candidates: list[Release], why: str) -> Deployment:
        """Serve the newest release before the head that can be loaded."""
        head = candidates[0]
        for release in candidates[1:_TRIED]:
            try:
                served = load_pipeline(release, self._models)
            except Exception as error:
                log_event(
                    "LoadFailed", ERROR, pipeline=release.name, generation=release.generation, why=error
                )
            else:
                return Deployment(served, head.generation, why)
        failure = f"generation {head.generation}: {why}"
        return Deployment(LoadedPipeline(head, None, failure, external_input_of(head)), head.generation, why)

    def _schedule_retry(self, name: str, head: int) -> None:
        before = self._failed.get(name)
        wait = min(2 * before.wait, _LONGEST_RETRY) if before and before.head == head else _RETRY_AFTER
        self._failed[name] = _Failed(head, wait, monotonic() + wait)


def _ended(control: ControlState, name: str, deployment: Deployment | None) -> Iterator[RemovedStep]:
    """Yield what a pipeline has no more: what serves, maybe an older release, tells."""
    if deployment is None and name in control.heads:
        return
    release = deployment.served.release if deployment else None
    known = [one for one in control.history(name) if release is None or one.generation <= release.generation]
    try:
        yield from (RemovedStep(name, step, epoch) for step, epoch in ended(known, release))
    except Exception as error:  # somebody else's release: the other pipelines are not touched
        log_event("ReleaseUnreadable", ERROR, pipeline=name, why=error)
