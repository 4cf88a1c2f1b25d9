"""Parses Java properties as `java.util.Properties.load` does."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SPACE = " \t\f"
_LINE_END, _LAST_LINE_END = re.compile(r"\r\n|\r|\n"), re.compile(r"(?:\r\n|\r|\n)\Z")
# A key ends at the first separator that is not escaped; white space may surround one `=` or `:`.
_ENTRY = re.compile(r"((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def parse_properties(text: str) -> dict[str, str]:
    r"""Return the entries of a text; of two with one key, the last.

    ValueError for a `\u` without four hexadecimal digits.

    >>> parse_properties("# users\nuser: ada\npath=a\\\n   /b\n")
    {'user': 'ada', 'path': 'a/b'}
    """
    entries = (_ENTRY.fullmatch(line) for line in _logical_lines(text))
    return {_unescape(entry[1]): _unescape(entry[2]) for entry in entries if entry}


def _logical_lines(text: str) -> Iterator[str]:
    """Yield the lines without comments, each joined with the lines that continue it."""
    joined, is_continued = "", False
    for line in _LINE_END.split(_LAST_LINE_END.sub("", text)):
        line = line.lstrip(_SPACE)
        if not joined and (not line or line[0] in "#!"):
            is_continued = False
            continue
        backslashes = len(line) - len(line.rstrip("\\"))
        is_continued = backslashes % 2 == 1
        joined += line[:-1] if is_continued else line
        if not is_continued:
            yield joined
            joined = ""
    if is_continued:
        yield joined


def _unescape(text: str) -> str:
    characters = _ESCAPE.sub(_character, text)
    # Two escapes may be the halves of one character.
    return characters.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(escape: re.Match[str]) -> str:
    code = escape[1]
    if code == "u":
        raise ValueError(r"a \u must be followed by four hexadecimal digits")
    return chr(int(code[1:], 16)) if len(code) > 1 else _CONTROLS.get(code, code)
