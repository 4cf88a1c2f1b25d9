"""Links of the documentation lead somewhere, and its prose is wrapped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "tests").rglob("*.md")])
LONGEST = 100


def prose(page: Path) -> Iterator[str]:
    """Lines outside of code blocks, which are fenced or indented by four."""
    fenced = False
    for line in page.read_text("utf-8").splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith("    "):
            yield line


@cache
def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    titles = [line.lstrip("#").strip() for line in prose(page) if re.match("#{1,6} ", line)]
    plain = [re.sub(r"\[([^]]*)]\([^)]*\)", r"\1", title).lower() for title in titles]
    return {re.sub(r"[^\w -]", "", title).replace(" ", "-") for title in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in re.findall(r"]\(([^)\s]+)\)", "\n".join(prose(page))):
        path, _, anchor = target.partition("#")
        if not re.match("[a-z]+:", target):
            there = (page.parent / path).resolve() if path else page
            assert there.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(there), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_prose_is_wrapped(page: Path) -> None:
    long = [line for line in prose(page) if len(line) > LONGEST and not line.startswith(("|", "<!--"))]
    assert not [line for line in long if " " in line.strip("- *")[:LONGEST]]


def test_the_readme_is_read_in_minutes() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert len(lines) <= 150
    assert max(map(len, lines)) <= LONGEST
