"""Reads manifests from files, folders and standard input, and checks their documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from operators.core.errors import DeploymentError, one_line
from operators.resources.field_support import Resource, Status, unsupported_fields
from operators.resources.monitor_checks import check_monitor, check_monitors
from operators.resources.monitor_schema import Monitor
from operators.resources.pipeline_checks import check_model, check_pipeline
from operators.resources.seldon_schema import Model, Pipeline
from operators.resources.strict_decoding import check
from operators.resources.yaml_files import MOST_NODES, files, read_documents, too_big

# Characters of a name that messages show; a longer name is invalid.
_SHOWN = 200
# Shown instead of a file for a document that was applied before.
APPLIED = Path("(applied before)")
# The end of the notice on a document that is missing in these manifests.
_ELSEWHERE = "weir apply looks for it among the documents that were applied before"
_KINDS: dict[str, type[Resource]] = {"Model": Model, "Pipeline": Pipeline, "Monitor": Monitor}


class Manifests:
    """Documents by name, the file of each, errors, and notices for their author.

    `origin` maps a kind and a name, as `Model/income`, to a file; it contains invalid documents too.
    `model_references` contains each place that names a model, and the model's name. `read_monitors` contains
    the Monitors with their places, including Monitors whose numbers are invalid.
    """

    def __init__(self) -> None:
        self.models: dict[str, Model] = {}
        self.pipelines: dict[str, Pipeline] = {}
        self.monitors: dict[str, Monitor] = {}
        self.origin: dict[str, Path] = {}
        self.errors: list[str] = []
        self.notices: list[str] = []
        self.model_references: list[tuple[str, str]] = []
        self.read_monitors: list[tuple[str, Monitor]] = []

    def monitor_of(self, pipeline: str) -> Monitor | None:
        """Return the Monitor of a pipeline, None if it has none."""
        return next((one for one in self.monitors.values() if one.spec.pipeline == pipeline), None)

    def add_file(self, path: Path) -> None:
        """Add the documents of a file."""
        try:
            documents = read_documents(path)
        except DeploymentError as error:
            self.errors.append(one_line(f"{path}: {error}"))
            return
        for i, document in enumerate(documents):
            if too_big(document):
                lines = [f"has more than {MOST_NODES} nodes; split it into smaller documents"]
            else:
                lines = self._add(document, path) if document is not None else []
            self.errors.extend(one_line(f"{path}: document {i + 1}: {line}") for line in lines)

    def add_applied(self, document: Any) -> bool:
        """Add a document that was applied before; return False if one of that kind and name exists."""
        if f"{_kind(document)}/{document['metadata']['name']}" in self.origin:
            return False
        notices_before = len(self.notices)
        self.errors.extend(one_line(f"{APPLIED}: {line}") for line in self._add(document, APPLIED))
        del self.notices[notices_before:]
        return True

    def missing(self) -> Iterator[tuple[str, str, str]]:
        """Yield each place that names a missing Model or Pipeline, with its kind and its name."""
        for place, name in self.model_references:
            if f"Model/{name}" not in self.origin:
                yield place, "Model", name
        for place, monitor in self.read_monitors:
            if f"Pipeline/{monitor.spec.pipeline}" not in self.origin:
                yield f"{place}: spec.pipeline", "Pipeline", monitor.spec.pipeline

    def _add(self, document: Any, path: Path) -> list[str]:
        """Add a document, or the documents of a List. Return the errors in it."""
        kind = _kind(document)
        if kind == "List" and isinstance(document.get("items"), list):
            return [
                f"items[{i}]: {line}"
                for i, item in enumerate(document["items"])
                for line in self._add(item, path)
            ]
        if kind and kind.capitalize() not in _KINDS:
            self.notices.append(one_line(f"{path}: Weir does not use kind {kind}; the document is skipped"))
            return []
        metadata = document.get("metadata") if isinstance(document, dict) else None
        name = metadata.get("name") if isinstance(metadata, dict) else None
        key = f"{kind}/{str(name)[:_SHOWN]}"
        if kind and isinstance(name, str):
            if key in self.origin:
                return [f"{kind} {name} is already defined in {self.origin[key]}"]
            self.origin[key] = path
        parsed, errors = _parse(document)
        self._add_references(parsed, f"{path}: {key}")
        if parsed is None or errors:
            return [f"{key}: {line}" if isinstance(name, str) else line for line in errors]
        for at, support in unsupported_fields(parsed):
            if support.status is Status.NO_EFFECT:
                self.notices.append(f"{path}: {key}: {at} has no effect: {support.text}")
        self._put(parsed)
        return []

    def _add_references(self, parsed: Resource | None, place: str) -> None:
        if isinstance(parsed, Pipeline):
            for i, step in enumerate(parsed.spec.steps):
                self.model_references.append((f"{place}: spec.steps[{i}].name", step.name))
        if isinstance(parsed, Monitor):
            self.read_monitors.append((place, parsed))

    def _put(self, parsed: Resource) -> None:
        name = parsed.metadata.name
        if isinstance(parsed, Model):
            self.models[name] = parsed
        elif isinstance(parsed, Pipeline):
            self.pipelines[name] = parsed
        else:
            self.monitors[name] = parsed


def read_manifests(
    paths: list[Path], add_to: Callable[[Manifests], None] | None = None, *, alone: bool = True
) -> Manifests:
    """Read files, folders (without their subfolders) and `-`, which is standard input.

    Each may contain several documents. `add_to` adds the live documents that belong to those read. `errors`
    of the result contains every error as one line: file, document, path in it, remedy. With `alone`, it is
    an error if a Model or Pipeline is named but is not among the documents. Otherwise it may exist elsewhere,
    and there is a notice.
    """
    manifests = Manifests()
    for path in files(paths, manifests.errors):
        manifests.add_file(path)
    if add_to:
        add_to(manifests)
    for place, kind, name in manifests.missing():
        if alone:
            where = "in these manifests, and none was applied before" if add_to else "in these manifests"
            manifests.errors.append(one_line(f"{place}: there is no {kind} {name} {where}; add its document"))
        else:
            manifests.notices.append(
                one_line(f"{place}: not checked here: {kind} {name} is not in these manifests; {_ELSEWHERE}")
            )
    manifests.errors.extend(map(one_line, check_monitors(manifests.read_monitors, manifests.pipelines)))
    has_documents = manifests.models or manifests.pipelines or (manifests.monitors and not alone)
    if not manifests.errors and not has_documents:
        manifests.errors.append(f"{', '.join(map(str, paths))}: no Model or Pipeline found")
    return manifests


def parse_document(document: Any) -> Resource:
    """Check one parsed document; the message of a DeploymentError has every error, one per line."""
    parsed, errors = _parse(document)
    if parsed is None or errors:
        raise DeploymentError("\n".join(map(one_line, errors)))
    return parsed


def _parse(document: Any) -> tuple[Resource | None, list[str]]:
    kind = _kind(document)
    if kind not in _KINDS:
        value = document.get("kind") if isinstance(document, dict) else document
        return None, [f"kind must be Model, Pipeline or Monitor, got {str(value)!r}"]
    checked = check(document, _KINDS[kind])
    if not checked.is_complete:
        return None, checked.problems
    type_: Any = _KINDS[kind]
    parsed: Resource = msgspec.convert(checked.value, type_)
    return parsed, [*checked.problems, *_problems(parsed)]


def _problems(parsed: Resource) -> Iterator[str]:
    if isinstance(parsed, Model):
        return check_model(parsed)
    return check_pipeline(parsed) if isinstance(parsed, Pipeline) else check_monitor(parsed)


def _kind(document: Any) -> str:
    kind = document.get("kind") if isinstance(document, dict) else None
    return kind if isinstance(kind, str) else ""


def manifests_of(documents: Iterable[Any]) -> Manifests:
    """Return the manifests made of documents that were applied before."""
    manifests = Manifests()
    for document in documents:
        manifests.add_applied(document)
    return manifests
