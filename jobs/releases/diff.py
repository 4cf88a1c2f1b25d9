"""Differences between two releases or documents, one per line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operators.control.release import Artifact, RegisteredModel, Release

_MOST_CHARACTERS = 60


def describe_changes(before: Release | None, after: Release) -> list[str]:
    """Return the differences between two releases, named by the fields of the manifests."""
    if before is None:
        return ["the first release"]
    return [
        *_documents("pipeline", before.pipeline, after.pipeline),
        *_models(before, after),
        *_documents("monitor", before.monitor or {}, after.monitor or {}),
    ]


def model_changed(before: RegisteredModel | None, after: RegisteredModel) -> list[str]:
    """Return the differences between two registrations of a model."""
    if before is None:
        return []
    name = after.model["metadata"]["name"]
    return [
        *_documents(f"model {name}", before.model, after.model),
        *_files(name, before.artifact, after.artifact),
    ]


def _models(before: Release, after: Release) -> Iterator[str]:
    old = {model["metadata"]["name"]: model for model in before.models}
    new = {model["metadata"]["name"]: model for model in after.models}
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield f"model {name}: added"
        elif name not in new:
            yield f"model {name}: removed"
        else:
            yield from _documents(f"model {name}", old[name], new[name])
            yield from _files(name, before.artifacts.get(name), after.artifacts.get(name))


def _files(name: str, before: Artifact | None, after: Artifact | None) -> Iterator[str]:
    if before and after and before.digest != after.digest:
        yield f"model {name}: files {_short(before.digest)} → {_short(after.digest)}"


def _documents(document: str, before: Any, after: Any) -> Iterator[str]:
    yield from (f"{document}: {line}" for line in _values("", before, after))


def _values(path: str, before: Any, after: Any) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            yield from _values(f"{path}.{key}" if path else key, before.get(key), after.get(key))
    elif _is_list_of_named(before) and _is_list_of_named(after):
        yield from _values(path, _by_name(before), _by_name(after))
    elif before != after:
        yield f"{path} {_text(before)} → {_text(after)}"


def _is_list_of_named(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) and _name(entry) for entry in value)


def _by_name(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {f"{_name(entry)}": entry for entry in entries}


def _name(entry: dict[str, Any]) -> Any:
    return entry.get("name") or entry.get("step")


def _text(value: Any) -> str:
    if value is None:
        return "(none)"
    text = str(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]
