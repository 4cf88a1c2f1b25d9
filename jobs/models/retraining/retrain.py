"""`weir retrain`: train the monitors of a live pipeline again from its recent requests."""

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
from jobs.releases.explain import find_release
from jobs.releases.validation.manifests import check
from operators.control.control_topic import read_control
from operators.control.release import Release
from operators.core.errors import DeploymentError
from operators.core.timestamps import iso_seconds
from operators.kafka.connection import Connection
from operators.models.load import load_step
from operators.pipeline.load import ModelCache, load_pipeline
from operators.resources.manifests import parse_document
from operators.resources.seldon_schema import Model
from operators.storage.digest import digest
from operators.storage.fetch import fetch
from operators.storage.trusted_roots import ArtifactPolicy, locate, make_policy

_MIN_ROWS = 100


class Retrained(NamedTuple):
    """The chosen requests, the checks of the new detectors against the old ones, and the written files."""

    chosen: Selection
    checks: list[Check]
    written: list[Path]

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return all(one.passed for one in self.checks)


def retrain(
    connection: Connection,
    pipeline: str,
    out: Path,
    site: ArtifactPolicy,
    rows: int,
    drifted: Drifted,
    options: Options,
    on_progress: Callable[[str], None] = print,
) -> Retrained:
    """Write a new folder for every monitor of a live pipeline, and manifests that use the new folders.

    `rows` is the number of newest requests to read. DeploymentError for a pipeline that is not live, and for
    too few requests.
    """
    release = find_release(read_control(connection).live(), pipeline)
    served = load_pipeline(release, ModelCache(site))
    batched = [one.name for one in served.plan.steps if one.batch] if served.plan else []
    on_progress("reading recent requests and reports")
    chosen = select_requests(connection, pipeline, batched, rows, drifted)
    on_progress(f"running {len(chosen.values):,} requests through the pipeline")
    monitors = replay(served, chosen.values)
    for monitor in monitors:
        if len(monitor.columns[0]) < _MIN_ROWS:
            raise DeploymentError(
                f"{monitor.name} read {len(monitor.columns[0])} rows; at least {_MIN_ROWS} are needed"
            )
    folders = Folders(out, "")
    checks: list[Check] = []
    for monitor in monitors:
        on_progress(f"training {monitor.name}")
        checks += _renew(monitor, release, folders, site, options)
    manifests = _write_manifests(release, folders, pipeline)
    checks.append(_check_manifests(manifests, connection, out, site))
    card = _card(chosen, release, folders, monitors, drifted, options)
    return Retrained(chosen, checks, [*folders.written, manifests, card])


def describe(retrained: Retrained) -> Iterator[str]:
    """Yield lines of text about the chosen requests, the checks and the written files."""
    chosen = retrained.chosen
    first, last = (
        iso_seconds(milliseconds / 1000) for milliseconds in (chosen.first_timestamp, chosen.last_timestamp)
    )
    yield f"requests  {len(chosen.values):,} of the {chosen.read:,} newest, {first} to {last}"
    yield f"          {chosen.windows} drifted windows reported"
    if chosen.skipped:
        yield f"          {len(chosen.skipped)} records are not reports; skipped, last {chosen.skipped[-1]}"
    for one in retrained.checks:
        yield f"{'ok  ' if one.passed else 'FAIL'}      {one.step}: {one.message}"
    yield from (f"wrote     {path}" for path in retrained.written)


def _renew(
    monitor: MonitorInput, release: Release, folders: Folders, site: ArtifactPolicy, options: Options
) -> Iterator[Check]:
    artifact = release.artifacts[monitor.name]
    old = fetch(locate(artifact.uri, site), artifact.digest, site.cache)
    folder = rebuild(monitor, old, folders, options)
    trusts_folder = make_policy(str(folder.parent), str(site.cache))
    model = next(one for one in map(parse_document, release.models) if one.metadata.name == monitor.name)
    assert isinstance(model, Model)
    new = load_step(model, str(folder), digest(folder), trusts_folder)
    yield from compare(monitor, new, options)


def _write_manifests(release: Release, folders: Folders, name: str) -> Path:
    """Write the documents of a release, with new folders as storageUri; other models keep their URI."""
    new = {folder.name: f"./{folder.name}" for folder in folders.written}
    documents = []
    for model in release.models:
        model_name = model["metadata"]["name"]
        uri = new.get(model_name, release.artifacts[model_name].uri)
        spec = {key: value for key, value in model["spec"].items() if key != "artifactVersion"}
        documents.append({**model, "spec": {**spec, "storageUri": uri}})
    documents += [release.pipeline, *([release.monitor] if release.monitor else [])]
    path = folders.out / f"{name}.yaml"
    head = f"# Written by `weir retrain {name}`. Apply it with: weir apply -f {path}\n"
    path.write_text(head + yaml.safe_dump_all(documents, sort_keys=False), "utf-8")
    return path


def _check_manifests(manifests: Path, connection: Connection, out: Path, site: ArtifactPolicy) -> Check:
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
    checksum = sha256()
    for value in chosen.values:
        checksum.update(value)
    source = f"{len(chosen.values)} recent requests of {release.name}, generation {release.generation}"
    sizes = {one.name: len(one.columns[0]) for one in monitors}
    chosen_options = {**options._asdict(), "drifted": drifted}
    card = make_card(
        release.name, source, checksum.hexdigest(), sizes, chosen_options, {}, list(folders.written)
    )
    return write_card(card, folders.out)
