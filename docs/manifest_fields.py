"""Generates the tables of manifest fields in docs/manifests.md from the schema (`make docs`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from operators.resources.field_support import SUPPORT, Resource, Status, fields
from operators.resources.monitor_schema import Monitor
from operators.resources.seldon_schema import Model, Pipeline

PAGE = Path(__file__).with_name("manifests.md")
_BEGIN, _END = "<!-- fields: begin, made by `make docs` -->", "<!-- fields: end -->"
_SIGNS = {
    Status.SUPPORTED: "supported",
    Status.IMPROVED: "**improved**",
    Status.NO_EFFECT: "no effect",
    Status.REFUSED: "refused",
}


def tables() -> Iterator[str]:
    """Yield the lines of the tables: every field of each resource, and how Weir treats it."""
    resources: tuple[type[Resource], ...] = (Pipeline, Model, Monitor)
    for resource in resources:
        yield from ("", f"### {resource.__name__}", "", "| field | | what it does here |", "|---|---|---|")
        for path in dict.fromkeys(fields(resource)):
            support = SUPPORT[resource][path]
            yield f"| `{path}` | {_SIGNS[support.status]} | {support.text.replace('|', '/')} |"
    yield ""


def page(text: str) -> str:
    """Return the text of the page with tables that match the schema."""
    before, rest = text.split(_BEGIN)
    after = rest.split(_END)[1]
    return f"{before}{_BEGIN}\n{chr(10).join(tables())}\n{_END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
