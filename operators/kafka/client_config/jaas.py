"""Parses the value of `sasl.jaas.config`: one login module with its options."""

from __future__ import annotations

import re
from typing import NamedTuple

_QUOTED = r'"(?:\\.|[^"\\\r\n])*"' + r"|'(?:\\.|[^'\\\r\n])*'"
_OPTION = re.compile(rf"\s*([\w.$-]+)\s*=\s*({_QUOTED}|[a-zA-Z_$][\w.$-]*)")
_FLAG = "(?:required|requisite|sufficient|optional)"
_LOGIN = re.compile(rf"\s*([\w.$-]+)\s+{_FLAG}((?:{_OPTION.pattern})*)\s*;\s*")
_ESCAPE = re.compile(r"\\([0-3][0-7]{0,2}|[4-7][0-7]?|.)")
_CONTROLS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class Login(NamedTuple):
    """The class of a login module, and its options."""

    module: str
    options: dict[str, str]


def parse_jaas(text: str) -> Login | None:
    """Return the login module of a text; None if the text is anything else.

    Strings are read as by Java's `StreamTokenizer`, which Kafka uses. Comments are not supported.

    >>> parse_jaas('org.example.Module required username="ada" password="a\\\\"b";')
    Login(module='org.example.Module', options={'username': 'ada', 'password': 'a"b'})
    """
    login = _LOGIN.fullmatch(text)
    if not login:
        return None
    return Login(login[1], {option[1]: _value(option[2]) for option in _OPTION.finditer(login[2])})


def _value(token: str) -> str:
    return _ESCAPE.sub(_character, token[1:-1]) if token[0] in "\"'" else token


def _character(escape: re.Match[str]) -> str:
    code = escape[1]
    return chr(int(code, 8)) if code[0] in "01234567" else _CONTROLS.get(code, code)
