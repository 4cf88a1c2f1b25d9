"""The output of verbs: control characters in it are visible, because texts of topics are in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

from rich.console import Console

from operators.core.printable import printable


class _PrintableStream:
    """A text stream that writes to another one, with control characters escaped."""

    def __init__(self, raw: TextIO) -> None:
        self.raw = raw

    def write(self, text: str) -> int:
        self.raw.write(printable(text))
        return len(text)

    def writelines(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


@contextmanager
def printable_output() -> Iterator[None]:
    """Escape what the block prints to standard output and standard error."""
    output, errors = (cast(TextIO, _PrintableStream(raw)) for raw in (sys.stdout, sys.stderr))
    with redirect_stdout(output), redirect_stderr(errors):
        yield


def console(*, stderr: bool = False) -> Console:
    """Return a console that may control the terminal; texts of topics are `printable` before it gets them."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=getattr(stream, "raw", stream))
