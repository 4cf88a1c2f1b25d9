"""Manifest files and folders → checked documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from operators.errors import DeploymentError
from operators.resources.checks import check_model, check_pipeline
from operators.resources.schema import Model, Pipeline

_SUFFIXES = (".yaml", ".yml", ".json")


class Manifests(NamedTuple):
    """Documents by name, and where each came from; `notices` are for the person who wrote them."""

    models: dict[str, Model]
    pipelines: dict[str, Pipeline]
    origin: dict[str, Path]
    notices: list[str]


def read_manifests(paths: list[Path]) -> Manifests:
    """Read files and folders (not their subfolders), several documents a file.

    Raises DeploymentError with every error found, a line each: file, path in the document, remedy.
    """
    manifests = Manifests({}, {}, {}, [])
    errors = [f"{path}: {message}" for path in _files(paths) for message in _read_file(path, manifests)]
    errors += list(_models_exist(manifests))
    if not errors and not manifests.models and not manifests.pipelines:
        errors.append(f"{', '.join(map(str, paths))}: no Model or Pipeline found")
    if errors:
        raise DeploymentError("\n".join(errors))
    return manifests


def parse_document(document: Any) -> Model | Pipeline:
    """Check one document that was already parsed; DeploymentError tells all that is wrong with it."""
    kind = document.get("kind") if isinstance(document, dict) else None
    if kind not in ("Model", "Pipeline"):
        raise DeploymentError(f"kind must be Model or Pipeline, got {kind!r}")
    try:
        parsed: Model | Pipeline = (
            msgspec.convert(document, Model) if kind == "Model" else msgspec.convert(document, Pipeline)
        )
    except msgspec.ValidationError as error:
        raise DeploymentError(str(error).replace("`$.", "`")) from None
    errors = list(check_model(parsed) if isinstance(parsed, Model) else check_pipeline(parsed))
    if errors:
        raise DeploymentError("\n".join(errors))
    return parsed


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES)
        else:
            yield path


def _read_file(path: Path, into: Manifests) -> Iterator[str]:
    try:
        documents = list(yaml.safe_load_all(path.read_text("utf-8")))
    except OSError as error:
        yield f"cannot be read: {error.strerror}"
        return
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        yield f"is not YAML: {' '.join(str(error).split())}"
        return
    for i, document in enumerate(documents):
        if document is not None:
            yield from (f"document {i + 1}: {line}" for line in _add(document, path, into))


def _add(document: Any, path: Path, into: Manifests) -> list[str]:
    kind = document.get("kind") if isinstance(document, dict) else None
    if isinstance(kind, str) and kind not in ("Model", "Pipeline"):
        into.notices.append(f"{path}: kind {kind} has no meaning here, skipped")
        return []
    try:
        parsed = parse_document(document)
    except DeploymentError as error:
        return str(error).split("\n")
    name = parsed.metadata.name
    target: dict[str, Model] | dict[str, Pipeline]
    target = into.models if isinstance(parsed, Model) else into.pipelines
    if name in target:
        return [f"{kind} {name} was already defined in {into.origin[f'{kind}/{name}']}"]
    target[name] = parsed  # type: ignore[assignment]
    into.origin[f"{kind}/{name}"] = path
    return []


def _models_exist(manifests: Manifests) -> Iterator[str]:
    for name, pipeline in manifests.pipelines.items():
        for i, step in enumerate(pipeline.spec.steps):
            if step.name not in manifests.models:
                yield (
                    f"{manifests.origin[f'Pipeline/{name}']}: spec.steps[{i}].name: there is no Model "
                    f"{step.name} in these manifests; add its document"
                )
