"""Reads YAML and JSON documents from files and standard input."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from operators.core.errors import DeploymentError, describe

SUFFIXES = (".yaml", ".yml", ".json")
STANDARD_INPUT = Path("-")
_LONGEST = 2_000_000
_MOST_KEYS = 10_000
MOST_NODES = 100_000
# Longer numbers that are not decimal take seconds to read, or cannot be printed: base 16, base 60.
_LONGEST_NUMBER = 100


def files(paths: list[Path], errors: list[str]) -> Iterator[Path]:
    """Yield the named files, and the manifest files in the named folders but not in their subfolders."""
    for path in paths:
        if path.is_dir():
            manifests = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
            if not manifests:
                errors.append(f"{path}: there is no {', '.join(SUFFIXES)} file in this folder")
            yield from manifests
        else:
            yield path


def read_documents(path: Path) -> list[Any]:
    """Return the documents of a file (`-` is standard input); DeploymentError if it cannot be read."""
    try:
        text = sys.stdin.read(_LONGEST + 1) if path == STANDARD_INPUT else _text(path)
    except OSError as error:
        raise DeploymentError(f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise DeploymentError(f"is not UTF-8 text: {error}") from None
    if len(text) > _LONGEST:
        raise DeploymentError(f"is longer than {_LONGEST // 1_000_000} MB")
    try:
        if path.suffix == ".json":
            return [json.loads(text, object_pairs_hook=_reject_duplicate_keys)]
        return list(yaml.load_all(text, _Loader))
    except Exception as error:  # PyYAML raises any exception for a value that does not fit its tag
        kind = "JSON" if path.suffix == ".json" else "YAML"
        raise DeploymentError(f"is not {kind}: {describe(error)[:500]}") from None


def too_big(document: Any) -> bool:
    """Return whether a document has more than `MOST_NODES` nodes; YAML aliases can repeat a few nodes."""
    waiting, nodes = [document], 0
    while waiting:
        item = waiting.pop()
        nodes += 1
        if nodes > MOST_NODES:
            return True
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, (list, set, tuple)):
            waiting.extend(item)
    return False


class _Loader(yaml.SafeLoader):
    """A YAML loader to which a key that occurs twice in a mapping is an error, as to Kubernetes."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.composer.ComposerError(
                        None, None, f"key {key.value!r} occurs twice", key.start_mark
                    )
                seen.add(key.value)
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > _MOST_KEYS:
            raise yaml.constructor.ConstructorError(
                None, None, f"a mapping of more than {_MOST_KEYS} keys", node.start_mark
            )

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """Return a number; ConstructorError for one of very many characters that is not decimal."""
        if len(node.value) > _LONGEST_NUMBER and not node.value.isdigit():
            raise yaml.constructor.ConstructorError(
                None, None, f"a number of more than {_LONGEST_NUMBER} characters", node.start_mark
            )
        is_int = node.tag == "tag:yaml.org,2002:int"
        number: int | float = (self.construct_yaml_int if is_int else self.construct_yaml_float)(node)
        return number


for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.construct_number)


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        duplicate = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"key {duplicate!r} occurs twice")
    return mapping


def _text(path: Path) -> str:
    with path.open(encoding="utf-8-sig") as file:
        return file.read(_LONGEST + 1)
