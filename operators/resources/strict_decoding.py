"""A parsed document against its schema: every problem at once, each with its path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec

from operators.resources.field_support import structure

_NAMES = {
    dict: "a mapping",
    list: "a list",
    set: "a set",
    str: "text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    date: "a date",
    datetime: "a date",
    type(None): "nothing",
}


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
    if get_origin(type_) is list:
        if not isinstance(value, list):
            return Checked(None, [f"{path} must be a list, got {_shown(value)}"], False)
        items = [check(item, get_args(type_)[0], f"{path}[{i}]") for i, item in enumerate(value)]
        problems = [problem for item in items for problem in item.problems]
        return Checked([item.value for item in items if item.whole], problems, all(i.whole for i in items))
    if get_origin(type_) is dict and isinstance(value, dict):
        values = {
            key: check(item, get_args(type_)[1], f"{path}[{_text(key)}]") for key, item in value.items()
        }
        problems = [problem for item in values.values() for problem in item.problems]
        problems += [f"{path} has a key that is no text, {_text(k)}" for k in value if not isinstance(k, str)]
        return Checked({key: item.value for key, item in values.items()}, problems, not problems)
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        return Checked(None, [f"{path}{_worded(str(error), value, type_)}"], False)
    return Checked(value, [], True)


def _mapping(value: Any, type_: type[msgspec.Struct], path: str) -> Checked:
    if not isinstance(value, dict):
        return Checked(None, [f"{path or 'the document'} must be a mapping, got {_shown(value)}"], False)
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
            yield f"{path or 'the document'} has no field {_text(key)}; {hint}"


def _worded(message: str, value: Any, type_: Any) -> str:
    """Say what was expected; msgspec's own words name types, its path is relative to the value."""
    if get_origin(type_) is Literal:
        return f" must be one of {', '.join(get_args(type_))}, got {_text(value)}"
    expected, _, where = message.replace("`", "").partition(" - at $")
    expected = expected.removeprefix("Expected ").split(", got ")[0].removesuffix(" | null")
    for theirs, ours in (
        ("str", "text"),
        ("int", "a whole number"),
        ("float", "a number"),
        ("bool", "true or false"),
        ("object", "a mapping"),
    ):
        expected = re.sub(rf"\b{theirs}\b", ours, expected)
    return f"{where} must be {expected}, got {_shown(value)}"


def _shown(value: Any) -> str:
    name = _NAMES.get(type(value), type(value).__name__)
    return name if isinstance(value, (dict, list, set, type(None))) else f"{name}, {_text(value)}"


def _text(value: Any) -> str:
    return repr(value) if isinstance(value, (str, int, float, bool)) else repr(str(value))
