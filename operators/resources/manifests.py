"""Manifest files, folders and standard input → checked documents."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from operators.errors import DeploymentError
from operators.resources.checks import check_model, check_pipeline
from operators.resources.schema import Model, Pipeline
from operators.resources.strict import check, too_big
from operators.resources.support import Status, judged

_SUFFIXES = (".yaml", ".yml", ".json")
_LONGEST = 10_000_000
_KINDS: dict[str, type[Model] | type[Pipeline]] = {"Model": Model, "Pipeline": Pipeline}
STANDARD_INPUT = Path("-")


class Manifests(NamedTuple):
    """Documents by name, where each came from, what is wrong, and notices for the person who wrote them.

    `origin` is keyed by kind and name, as `Model/income`; documents that are wrong have one too.
    """

    models: dict[str, Model]
    pipelines: dict[str, Pipeline]
    origin: dict[str, Path]
    errors: list[str]
    notices: list[str]


def read_manifests(paths: list[Path]) -> Manifests:
    """Read files, folders (not their subfolders) and `-`, standard input, several documents each.

    Every error found is in `errors`, a line each: file, document, path in it, remedy.
    """
    manifests = Manifests({}, {}, {}, [], [])
    for path in _files(paths, manifests.errors):
        manifests.errors.extend(f"{path}: {message}" for message in _read_file(path, manifests))
    manifests.errors.extend(_models_exist(manifests))
    if not manifests.errors and not manifests.models and not manifests.pipelines:
        manifests.errors.append(f"{', '.join(map(str, paths))}: no Model or Pipeline found")
    return manifests


def parse_document(document: Any) -> Model | Pipeline:
    """Check one document that was already parsed; DeploymentError tells all that is wrong with it."""
    kind = document.get("kind") if isinstance(document, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise DeploymentError(f"kind must be Model or Pipeline, got {kind!r}")
    checked = check(document, _KINDS[kind])
    errors = list(checked.problems)
    if checked.whole:
        parsed: Model | Pipeline = (
            msgspec.convert(checked.value, Model)
            if kind == "Model"
            else msgspec.convert(checked.value, Pipeline)
        )
        errors += check_model(parsed) if isinstance(parsed, Model) else check_pipeline(parsed)
    if errors:
        raise DeploymentError("\n".join(errors))
    return parsed


class _Loader(yaml.SafeLoader):
    """YAML, but a key that stands twice in a mapping is an error, as for Kubernetes."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key.value!r} is there twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _files(paths: list[Path], errors: list[str]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES)
            if not files:
                errors.append(f"{path}: there is no {', '.join(_SUFFIXES)} file in this folder")
            yield from files
        else:
            yield path


def _read_file(path: Path, into: Manifests) -> Iterator[str]:
    try:
        text = sys.stdin.read(_LONGEST + 1) if path == STANDARD_INPUT else _text(path)
        if len(text) > _LONGEST:
            yield f"is longer than {_LONGEST // 1_000_000} MB"
            return
        documents = list(yaml.load_all(text, _Loader))
    except OSError as error:
        yield f"cannot be read: {error.strerror}"
        return
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        yield f"is not YAML: {' '.join(str(error).split())[:500]}"
        return
    for i, document in enumerate(documents):
        if too_big(document):
            yield f"document {i + 1}: is larger than any manifest"
        elif document is not None:
            yield from (f"document {i + 1}: {line}" for line in _add(document, path, into))


def _text(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.read(_LONGEST + 1)


def _add(document: Any, path: Path, into: Manifests) -> list[str]:
    kind = document.get("kind") if isinstance(document, dict) else None
    if kind == "List" and isinstance(document.get("items"), list):
        return [
            f"items[{i}]: {line}"
            for i, item in enumerate(document["items"])
            for line in _add(item, path, into)
        ]
    if isinstance(kind, str) and kind not in _KINDS:
        into.notices.append(f"{path}: kind {kind} has no meaning here, skipped")
        return []
    metadata = document.get("metadata") if isinstance(document, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    key = f"{kind}/{name}"
    if kind in _KINDS and isinstance(name, str):
        if key in into.origin:
            return [f"{kind} {name} was already defined in {into.origin[key]}"]
        into.origin[key] = path
    try:
        parsed = parse_document(document)
    except DeploymentError as error:
        return [f"{key}: {line}" if isinstance(name, str) else line for line in str(error).split("\n")]
    for at, support in judged(parsed):
        if support.status is Status.NO_EFFECT:
            into.notices.append(f"{path}: {key}: {at} has no effect: {support.text}")
    if isinstance(parsed, Model):
        into.models[parsed.metadata.name] = parsed
    else:
        into.pipelines[parsed.metadata.name] = parsed
    return []


def _models_exist(manifests: Manifests) -> Iterator[str]:
    for name, pipeline in manifests.pipelines.items():
        for i, step in enumerate(pipeline.spec.steps):
            if f"Model/{step.name}" not in manifests.origin:
                yield (
                    f"{manifests.origin[f'Pipeline/{name}']}: Pipeline/{name}: spec.steps[{i}].name: "
                    "there is no "
                    f"Model {step.name} in these manifests; add its document"
                )
