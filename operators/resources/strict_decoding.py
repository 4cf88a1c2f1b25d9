"""Checks a parsed document against its schema, and reports every problem with its path."""

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
    """The valid parts of a value, and its problems.

    `is_complete` is true if no required part is missing, so that the valid parts can be checked further.
    """

    value: Any
    problems: list[str]
    is_complete: bool


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
        is_complete = all(item.is_complete for item in items)
        return Checked([item.value for item in items if item.is_complete], problems, is_complete)
    if get_origin(type_) is dict and isinstance(value, dict):
        values = {
            key: check(item, get_args(type_)[1], f"{path}[{_text(key)}]") for key, item in value.items()
        }
        problems = [problem for item in values.values() for problem in item.problems]
        problems += [
            f"{path} has a key that is not text, {_text(k)}" for k in value if not isinstance(k, str)
        ]
        return Checked({key: item.value for key, item in values.items()}, problems, not problems)
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        return Checked(None, [f"{path}{_type_error(str(error), value, type_)}"], False)
    return Checked(value, [], True)


def _mapping(value: Any, type_: type[msgspec.Struct], path: str) -> Checked:
    if not isinstance(value, dict):
        return Checked(None, [f"{path or 'the document'} must be a mapping, got {_shown(value)}"], False)
    fields = {field.encode_name: field for field in msgspec.structs.fields(type_)}
    problems = list(_unknown(value, list(fields), path))
    valid: dict[str, Any] = {}
    is_complete = True
    for key, field in fields.items():
        field_path = f"{path}.{key}" if path else key
        if value.get(key) is None:
            if field.required:
                problems.append(f"{field_path} is missing")
                is_complete = False
            continue
        checked = check(value[key], field.type, field_path)
        problems += checked.problems
        if checked.is_complete:
            valid[key] = checked.value
        elif field.required:
            is_complete = False
    return Checked(valid, problems, is_complete)


def _unknown(value: dict[Any, Any], fields: list[str], path: str) -> Iterator[str]:
    for key in value:
        if key not in fields:
            similar = get_close_matches(str(key), fields, 1)
            hint = f"did you mean {similar[0]}?" if similar else f"its fields are {', '.join(fields)}"
            yield f"{path or 'the document'} has no field {_text(key)}; {hint}"


def _type_error(message: str, value: Any, type_: Any) -> str:
    """Return what was expected and what was found.

    msgspec's own message has the names of Python types, and a path that is relative to the value.
    """
    if get_origin(type_) is Literal:
        return f" must be one of {', '.join(get_args(type_))}, got {_text(value)}"
    expected, _, where = message.replace("`", "").partition(" - at $")
    expected = expected.removeprefix("Expected ").split(", got ")[0].removesuffix(" | null")
    for type_name, words in (
        ("str", "text"),
        ("int", "a whole number"),
        ("float", "a number"),
        ("bool", "true or false"),
        ("object", "a mapping"),
    ):
        expected = re.sub(rf"\b{type_name}\b", words, expected)
    return f"{where} must be {expected}, got {_shown(value)}"


def _shown(value: Any) -> str:
    name = _NAMES.get(type(value), type(value).__name__)
    return name if isinstance(value, (dict, list, set, type(None))) else f"{name}, {_text(value)}"


def _text(value: Any) -> str:
    return repr(value) if isinstance(value, (str, int, float, bool)) else repr(str(value))
