"""Names and prose use the words of the field (the glossary in CONTRIBUTING.md)."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

from tests.import_order import LAYERS
from tests.support.paths import ROOT

SOURCES = sorted(
    path
    for folder in (*LAYERS, "benchmarks", "docs", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if path.name not in ("inference_pb2.py", Path(__file__).name)
)
# A worker reports, a function returns, a command prints, an alert fires: nobody tells, says or hears.
STUMBLING = {"adopt", "adopts", "hear", "heard", "hears", "said", "say", "says", "speak", "speaks", "strange"}
STUMBLING |= {"tell", "tells", "told"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_and_prose_use_the_words_of_the_field(path: Path) -> None:
    source = path.read_text("utf-8")
    found = [
        f"{path.relative_to(ROOT)}:{token.start[0]}: {word}"
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type in (tokenize.NAME, tokenize.STRING, tokenize.COMMENT)
        for word in re.findall(r"[a-z]+", token.string.lower())
        if word in STUMBLING
    ]
    assert not found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_first_line_of_a_docstring_is_a_sentence(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                first = text.split("\n\n")[0]
                assert first.rstrip().endswith((".", ":", "?", "`")), f"{path}: {first!r}"
