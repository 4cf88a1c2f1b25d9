"""A parsed document against its schema: every problem at once, each with its path."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec

from operators.resources.support import structure

_MOST_NODES = 100_000
_NAMES = {dict: "a mapping", list: "a list", str: "a string", type(None): "nothing", bool: "a boolean"}


class Checked(NamedTuple):
    """What is left of a value without what is wrong with it, and the problems.

    `whole` says that nothing is missing which must be there, so that what is left can be looked at further.
    """

    value: Any
    problems: list[str]
    whole: bool


def check(value: Any, type_: Any, path: str = "") -> Checked:
    """Check a value of YAML or JSON against a type of the schema."""
    inner = structure(type_)
    if inner is not None:
        return _mapping(value, inner, path)
    if get_origin(type_) is list and isinstance(value, list):
        items = [check(item, get_args(type_)[0], f"{path}[{i}]") for i, item in enumerate(value)]
        problems = [problem for item in items for problem in item.problems]
        return Checked([item.value for item in items if item.whole], problems, all(i.whole for i in items))
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        return Checked(None, [f"{path} {_worded(str(error), value, type_)}"], False)
    return Checked(value, [], True)


def too_big(document: Any) -> bool:
    """Tell whether a document has more nodes than any manifest; YAML's aliases can make very many of few."""
    waiting, seen = [document], 0
    while waiting:
        item = waiting.pop()
        seen += 1
        if seen > _MOST_NODES:
            return True
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return False


def _mapping(value: Any, type_: type[msgspec.Struct], path: str) -> Checked:
    if not isinstance(value, dict):
        got = _NAMES.get(type(value), type(value).__name__)
        return Checked(None, [f"{path or 'the document'} must be a mapping, got {got}"], False)
    known = {field.encode_name: field for field in msgspec.structs.fields(type_)}
    problems = list(_unknown(value, list(known), path))
    kept: dict[str, Any] = {}
    whole = True
    for key, field in known.items():
        here = f"{path}.{key}" if path else key
        if value.get(key) is None:
            if field.required:
                problems.append(f"{here} is missing")
                whole = False
            continue
        checked = check(value[key], field.type, here)
        problems += checked.problems
        if checked.whole:
            kept[key] = checked.value
        elif field.required:
            whole = False
    return Checked(kept, problems, whole)


def _unknown(value: dict[Any, Any], known: list[str], path: str) -> Iterator[str]:
    for key in value:
        if key not in known:
            near = get_close_matches(str(key), known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            yield f"{path or 'the document'} has no field {key!r}; {hint}"


def _worded(message: str, value: Any, type_: Any) -> str:
    """Say what was expected; msgspec's own words name types, its path is relative to the value."""
    if get_origin(type_) is Literal:
        return f"must be one of {', '.join(get_args(type_))}, got {value!r}"
    expected = message.split(" - at ")[0].replace("`", "").removeprefix("Expected ")
    return f"must be {expected}" + ("" if isinstance(value, (dict, list)) else f" {value!r}")
