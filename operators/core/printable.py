"""Texts of other programs, made safe for a terminal."""

from __future__ import annotations

import re

# Control characters (C0 without newline and tab, DEL, C1), line and paragraph separators, characters that
# change the direction of the text after them, and halves of characters, which cannot be printed.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_BREAKS = {"\n": r"\n", "\t": r"\t"}


def printable(text: str) -> str:
    r"""Return a text in which control characters are visible, in the form that JSON has for them.

    A terminal would obey them: they can change what is shown, its title, and what the user types next. JSON
    stays JSON with the same values. Newlines and tabs are kept.

    >>> print(printable("a\x1b[2Jb \u202ec"))
    a\u001b[2Jb \u202ec
    """
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_cell(text: str) -> str:
    r"""Return a printable text of one line without tabs, so that it stays within its cell of a table.

    >>> print(one_cell("a\n\tb"))
    a\n\tb
    """
    return printable("".join(_BREAKS.get(character, character) for character in text))
