"""Control topic → deployments of one worker: each pipeline's head, or an older release if that fails."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from logging import ERROR
from time import monotonic, time
from typing import NamedTuple

from operators.control.control_state import ControlState
from operators.control.release import Quarantine, Release
from operators.control.window_epochs import removed_steps
from operators.core.errors import DeploymentError, describe
from operators.core.event_log import log_event
from operators.core.timestamps import iso_seconds
from operators.inference.monitor_feed import RemovedStep
from operators.pipeline.load import LoadedPipeline, ModelCache, external_input_of, load_pipeline

# At most this many generations are tried, newest first, until one can be loaded.
_MAX_TRIED = 3
# Seconds until loading a failed release is retried. The wait doubles after each failure, up to the maximum.
_RETRY_AFTER, _MAX_RETRY_AFTER = 15.0, 300.0


class Deployment(NamedTuple):
    """The release that serves a pipeline.

    `head` is the generation that should serve. `failure` is the reason if another generation or none serves.
    """

    served: LoadedPipeline
    head: int
    failure: str = ""
    is_quarantined: bool = False

    @property
    def generation(self) -> int:
        """The generation that serves, 0 if none can."""
        return self.served.release.generation if self.served.plan else 0


class _Failed(NamedTuple):
    head: int
    wait: float
    retry_at: float


class Deployments:
    """The deployments of one worker, kept equal to the control topic.

    `only` restricts them to these pipelines; if it is empty, the worker serves all. `load` loads a release
    while the one before it serves, which is replaced once it is completely loaded. `ended` lists removed
    steps and deleted pipelines. `taps` maps a pipeline to the Unix time until which it is tapped.
    """

    def __init__(
        self,
        models: ModelCache,
        only: Collection[str] = (),
        load: Callable[[Release, ModelCache], LoadedPipeline] = load_pipeline,
    ) -> None:
        self._models = models
        self._load = load
        self._only = frozenset(only)
        self._failed: dict[str, _Failed] = {}
        self.deployments: dict[str, Deployment] = {}
        self.ended: list[RemovedStep] = []
        self.taps: dict[str, float] = {}

    @property
    def served(self) -> list[LoadedPipeline]:
        """The loaded pipelines that serve, one per pipeline."""
        return [deployment.served for deployment in self.deployments.values()]

    def reconcile(self, control: ControlState) -> bool:
        """Apply the control topic; return whether deployments, ended steps or taps have changed."""
        self._failed = {name: failed for name, failed in self._failed.items() if name in control.heads}
        names = [name for name in control.names() if not self._only or name in self._only]
        deployments = dict(self._deploy_all(control, names))
        removed = [step for name in names for step in _removed_steps(control, name, deployments.get(name))]
        taps = {name: until for name, until in control.taps.items() if until > time()}
        if (deployments, removed, taps) == (self.deployments, self.ended, self.taps):
            return False
        self.deployments, self.ended, self.taps = deployments, removed, taps
        self._models.keep(pipeline.release for pipeline in self.served)
        return True

    def _deploy_all(self, control: ControlState, names: list[str]) -> Iterator[tuple[str, Deployment]]:
        for name in names:
            candidates = control.candidates(name)
            if candidates:
                if quarantine := control.quarantine(name):
                    yield name, _quarantined(candidates[0], quarantine)
                    continue
                deployment = self._deploy(name, candidates)
                head = control.heads[name]
                if head != candidates[0].generation:
                    deployment = Deployment(deployment.served, head, control.reason_missing(name, head))
                yield name, deployment

    def is_due(self) -> bool:
        """Return whether loading a failed release is to be retried now."""
        return any(failed.retry_at <= monotonic() for failed in self._failed.values())

    def _deploy(self, name: str, candidates: list[Release]) -> Deployment:
        head, current = candidates[0], self.deployments.get(name)
        if current and current.generation == head.generation and current.served.release == head:
            return current if not current.failure else Deployment(current.served, head.generation)
        failed = self._failed.get(name)
        if current and failed and failed.head == head.generation and monotonic() < failed.retry_at:
            return current
        try:
            served = self._load(head, self._models)
        except Exception as error:  # of any type: other pipelines must not be affected
            why = str(error) if isinstance(error, DeploymentError) else describe(error)
            self._schedule_retry(name, head.generation)
            if current and current.served.plan:
                return Deployment(current.served, head.generation, why)
            return self._fall_back(candidates, why)
        self._failed.pop(name, None)
        return Deployment(served, head.generation)

    def _fall_back(self, candidates: list[Release], why: str) -> Deployment:
        """Return the newest release before the head that can be loaded, or a deployment without a plan."""
        head = candidates[0]
        for release in candidates[1:_MAX_TRIED]:
            try:
                served = self._load(release, self._models)
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
        wait = min(2 * before.wait, _MAX_RETRY_AFTER) if before and before.head == head else _RETRY_AFTER
        self._failed[name] = _Failed(head, wait, monotonic() + wait)


def _quarantined(head: Release, quarantine: Quarantine) -> Deployment:
    """Return the deployment of a release that answers each request with the reason of its quarantine."""
    since = iso_seconds(quarantine.at)
    why = f"generation {quarantine.generation} is quarantined since {since}: {quarantine.why}"
    failure = f"{why}; `weir apply` a release without this fault, or `weir resume {head.name}`"
    served = LoadedPipeline(head, None, failure, external_input_of(head))
    return Deployment(served, quarantine.generation, failure, is_quarantined=True)


def _removed_steps(control: ControlState, name: str, deployment: Deployment | None) -> Iterator[RemovedStep]:
    """Yield the steps of earlier releases that the serving release, maybe older than the head, lacks."""
    if deployment is None and name in control.heads:
        return
    release = deployment.served.release if deployment else None
    earlier = [
        one for one in control.history(name) if release is None or one.generation <= release.generation
    ]
    try:
        yield from (RemovedStep(name, step, epoch) for step, epoch in removed_steps(earlier, release))
    except Exception as error:  # a release of another version: other pipelines must not be affected
        log_event("ReleaseUnreadable", ERROR, pipeline=name, why=error)
