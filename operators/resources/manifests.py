"""Manifest files, folders and standard input → checked documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from operators.errors import DeploymentError, tidy
from operators.resources.checks import check_model, check_pipeline
from operators.resources.reading import files, read_documents, too_big
from operators.resources.schema import Model, Pipeline
from operators.resources.strict import check
from operators.resources.support import Status, judged

# Of a name that is longer than any may be, enough to find it.
_SHOWN = 200
_KINDS: dict[str, type[Model] | type[Pipeline]] = {"Model": Model, "Pipeline": Pipeline}


class Manifests(NamedTuple):
    """Documents by name, where each came from, what is wrong, and notices for the person who wrote them.

    `origin` is keyed by kind and name, as `Model/income`; documents that are wrong have one too. `wanted` are
    the places that name a model, and its name.
    """

    models: dict[str, Model]
    pipelines: dict[str, Pipeline]
    origin: dict[str, Path]
    errors: list[str]
    notices: list[str]
    wanted: list[tuple[str, str]]


def read_manifests(paths: list[Path]) -> Manifests:
    """Read files, folders (not their subfolders) and `-`, standard input, several documents each.

    Every error found is in `errors`, a line each: file, document, path in it, remedy.
    """
    manifests = Manifests({}, {}, {}, [], [], [])
    for path in files(paths, manifests.errors):
        manifests.errors.extend(tidy(f"{path}: {message}") for message in _read_file(path, manifests))
    manifests.errors.extend(map(tidy, _models_exist(manifests)))
    if not manifests.errors and not manifests.models and not manifests.pipelines:
        manifests.errors.append(f"{', '.join(map(str, paths))}: no Model or Pipeline found")
    return manifests


def parse_document(document: Any) -> Model | Pipeline:
    """Check one document that was already parsed; DeploymentError tells all that is wrong, a line each."""
    parsed, errors = _parse(document)
    if parsed is None or errors:
        raise DeploymentError("\n".join(map(tidy, errors)))
    return parsed


def _parse(document: Any) -> tuple[Model | Pipeline | None, list[str]]:
    kind = _kind(document)
    if kind not in _KINDS:
        got = document.get("kind") if isinstance(document, dict) else document
        return None, [f"kind must be Model or Pipeline, got {str(got)!r}"]
    checked = check(document, _KINDS[kind])
    if not checked.whole:
        return None, checked.problems
    parsed: Model | Pipeline
    if kind == "Model":
        parsed = msgspec.convert(checked.value, Model)
        return parsed, [*checked.problems, *check_model(parsed)]
    parsed = msgspec.convert(checked.value, Pipeline)
    return parsed, [*checked.problems, *check_pipeline(parsed)]


def _kind(document: Any) -> str:
    kind = document.get("kind") if isinstance(document, dict) else None
    return kind if isinstance(kind, str) else ""


def _read_file(path: Path, into: Manifests) -> Iterator[str]:
    try:
        documents = read_documents(path)
    except DeploymentError as error:
        yield str(error)
        return
    for i, document in enumerate(documents):
        if too_big(document):
            yield f"document {i + 1}: is larger than any manifest"
        elif document is not None:
            yield from (f"document {i + 1}: {line}" for line in _add(document, path, into))


def _add(document: Any, path: Path, into: Manifests) -> list[str]:
    kind = _kind(document)
    if kind == "List" and isinstance(document.get("items"), list):
        return [
            f"items[{i}]: {line}"
            for i, item in enumerate(document["items"])
            for line in _add(item, path, into)
        ]
    if kind and kind.capitalize() not in _KINDS:
        into.notices.append(tidy(f"{path}: kind {kind} has no meaning here, skipped"))
        return []
    metadata = document.get("metadata") if isinstance(document, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    key = f"{kind}/{str(name)[:_SHOWN]}"
    if kind and isinstance(name, str):
        if key in into.origin:
            return [f"{kind} {name} was already defined in {into.origin[key]}"]
        into.origin[key] = path
    parsed, errors = _parse(document)
    if isinstance(parsed, Pipeline):
        for i, step in enumerate(parsed.spec.steps):
            into.wanted.append((f"{path}: {key}: spec.steps[{i}].name", step.name))
    if parsed is None or errors:
        return [f"{key}: {line}" if isinstance(name, str) else line for line in errors]
    for at, support in judged(parsed):
        if support.status is Status.NO_EFFECT:
            into.notices.append(f"{path}: {key}: {at} has no effect: {support.text}")
    if isinstance(parsed, Model):
        into.models[parsed.metadata.name] = parsed
    else:
        into.pipelines[parsed.metadata.name] = parsed
    return []


def _models_exist(manifests: Manifests) -> Iterator[str]:
    for place, name in manifests.wanted:
        if f"Model/{name}" not in manifests.origin:
            yield f"{place}: there is no Model {name} in these manifests; add its document"
