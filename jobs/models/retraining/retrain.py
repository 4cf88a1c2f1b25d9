"""`weir retrain`: the monitors of a live pipeline, trained anew from its recent requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import yaml

from jobs.models.retraining.comparison import Check, compare
from jobs.models.retraining.refit import rebuild
from jobs.models.retraining.replay import MonitorInput, replay
from jobs.models.retraining.selection import Drifted, Selection, select_requests
from jobs.models.training.model_folders import Folders
from jobs.models.training.options import Options
from jobs.models.training_report.model_card import make_card, write_card
from jobs.releases.explain import released
from jobs.releases.validation.manifests import check
from operators.control.control_topic import read_control
from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.core.foreign_json import nearest_time
from operators.kafka.connection import Connection
from operators.models.load import load_step
from operators.pipeline.load import ModelCache, load_pipeline
from operators.resources.manifests import parse_document
from operators.resources.seldon_schema import Model
from operators.storage.digest import digest
from operators.storage.fetch import fetch
from operators.storage.trusted_roots import ArtifactPolicy, locate, make_policy

_LEAST_ROWS = 100


class Retrained(NamedTuple):
    """What was chosen, what was written, and what the new detectors are worth beside the old ones."""

    chosen: Selection
    checks: list[Check]
    written: list[Path]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(one.passed for one in self.checks)


def retrain(
    connection: Connection,
    pipeline: str,
    out: Path,
    site: ArtifactPolicy,
    rows: int,
    drifted: Drifted,
    options: Options,
    say: Callable[[str], None] = print,
) -> Retrained:
    """Write a new folder for every monitor of a live pipeline, and manifests that put them in its place.

    `rows` is how many of the newest requests are read. DeploymentError for a pipeline that is not live, and
    for traffic that is too little.
    """
    release = released(read_control(connection).live(), pipeline)
    served = load_pipeline(release, ModelCache(site))
    batched = [one.name for one in served.plan.steps if one.batch] if served.plan else []
    say("reading recent requests and reports")
    chosen = select_requests(connection, pipeline, batched, rows, drifted)
    say(f"running {len(chosen.values):,} requests through the pipeline")
    monitors = replay(served, chosen.values)
    for watched in monitors:
        if len(watched.columns[0]) < _LEAST_ROWS:
            raise DeploymentError(
                f"{watched.name} read {len(watched.columns[0])} rows, at least {_LEAST_ROWS} are needed"
            )
    folders = Folders(out, "")
    checks: list[Check] = []
    for watched in monitors:
        say(f"training {watched.name}")
        checks += _renew(watched, release, folders, site, options)
    manifests = _write_manifests(release, folders, pipeline)
    checks.append(_applies(manifests, connection, out, site))
    card = _card(chosen, release, folders, monitors, drifted, options)
    return Retrained(chosen, checks, [*folders.written, manifests, card])


def describe(retrained: Retrained) -> Iterator[str]:
    """Tell what was done, a line each."""
    chosen = retrained.chosen
    first, last = (
        nearest_time(ms).isoformat(timespec="seconds")
        for ms in (chosen.first_timestamp, chosen.last_timestamp)
    )
    yield f"requests  {len(chosen.values):,} of the {chosen.read:,} newest, {first} to {last}"
    yield f"          {chosen.windows} drifted windows reported"
    if chosen.skipped:
        yield f"          {len(chosen.skipped)} records are no reports, skipped, last {chosen.skipped[-1]}"
    for one in retrained.checks:
        yield f"{'ok  ' if one.passed else 'FAIL'}      {one.step}: {one.told}"
    yield from (f"wrote     {path}" for path in retrained.written)


def _renew(
    watched: MonitorInput, release: Release, folders: Folders, site: ArtifactPolicy, options: Options
) -> Iterator[Check]:
    artifact = release.artifacts[watched.name]
    old = fetch(locate(artifact.uri, site), artifact.digest, site.cache)
    folder = rebuild(watched, old, folders, options)
    trusting = make_policy(str(folder.parent), str(site.cache))
    model = next(one for one in map(parse_document, release.models) if one.metadata.name == watched.name)
    assert isinstance(model, Model)
    new = load_step(model, str(folder), digest(folder), trusting)
    yield from compare(watched, new, options)


def _write_manifests(release: Release, folders: Folders, name: str) -> Path:
    """Write the release's documents, with the new folders as storageUri and the others as they were."""
    new = {folder.name: f"./{folder.name}" for folder in folders.written}
    documents = []
    for model in release.models:
        at = model["metadata"]["name"]
        uri = new.get(at, release.artifacts[at].uri)
        spec = {key: value for key, value in model["spec"].items() if key != "artifactVersion"}
        documents.append({**model, "spec": {**spec, "storageUri": uri}})
    documents += [release.pipeline, *([release.monitor] if release.monitor else [])]
    path = folders.out / f"{name}.yaml"
    head = f"# Written by `weir retrain {name}`. Apply it with: weir apply -f {path}\n"
    path.write_text(head + yaml.safe_dump_all(documents, sort_keys=False), "utf-8")
    return path


def _applies(manifests: Path, connection: Connection, out: Path, site: ArtifactPolicy) -> Check:
    roots = (*site.trusted_roots, str(out.resolve()))
    errors = check([manifests], connection.topics, site._replace(trusted_roots=roots)).errors
    return Check(manifests.name, not errors, "; ".join(errors) or "can be applied")


def _card(
    chosen: Selection,
    release: Release,
    folders: Folders,
    monitors: list[MonitorInput],
    drifted: Drifted,
    options: Options,
) -> Path:
    seen = sha256()
    for value in chosen.values:
        seen.update(value)
    source = f"{len(chosen.values)} recent requests of {release.name}, generation {release.generation}"
    sizes = {one.name: len(one.columns[0]) for one in monitors}
    chosen_options = {**options._asdict(), "drifted": drifted}
    card = make_card(release.name, source, seen.hexdigest(), sizes, chosen_options, {}, list(folders.written))
    return write_card(card, folders.out)
