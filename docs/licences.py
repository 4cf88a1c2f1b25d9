"""docs/licences.md: the licences of everything that runs, from the packages' own metadata (`make docs`).

Python packages are those that pyproject.toml requires, and what these require, as installed here. Jars are
those of build/sbom/jars.json, which `make sbom` writes with CycloneDX's plugin for Maven.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path(__file__).with_name("licences.md")
JARS = ROOT / "build" / "sbom" / "jars.json"
START, END = "<!-- packages -->", "<!-- end -->"
EXTRAS = ("train", "s3", "gs", "gateway", "dashboard")
# Only the extra `azure` needs these, and `make setup` does not install it. They are from the metadata of the
# versions in constraints.txt.
AZURE = {
    "adlfs": "BSD",
    "azure-core": "MIT",
    "azure-identity": "MIT",
    "azure-storage-blob": "MIT",
    "isodate": "BSD",
    "msal": "MIT",
    "msal-extensions": "MIT",
}
# Spellings in metadata, in lower case. `BSD` is a BSD licence whose number of clauses is not given.
_NAMES = {
    "Apache-2.0": (
        *("apache", "apache 2", "apache 2.0", "apache 2.0 license", "apache license 2.0"),
        *("apache license, version 2.0", "apache software license"),
        "https://www.apache.org/licenses/license-2.0",
    ),
    "MIT": ("mit license",),
    "BSD": ("bsd license",),
    "BSD-2-Clause": (),
    "BSD-3-Clause": ("3-clause bsd", "3-clause bsd license", "bsd 3-clause license"),
    "ISC": ("isc license", "isc license (iscl)"),
    "HPND": ("historical permission notice and disclaimer (hpnd)",),
    "MPL-2.0": ("mozilla public license 2.0 (mpl 2.0)",),
    "PSF-2.0": ("python software foundation license",),
}
_SPELLINGS = {text: name for name, texts in _NAMES.items() for text in (name.lower(), *texts)}


def write_page() -> None:
    """Write the tables into the page, between its two comments."""
    text = PAGE.read_text("utf-8")
    before, rest = text.split(START)
    tables = f"{START}\n\n{python_table()}\n\n{jar_table()}\n\n{END}"
    PAGE.write_text(before + tables + rest.split(END)[1], "utf-8")


def python_table() -> str:
    """Return the Markdown table of Python packages."""
    users = defaultdict(list)
    for extra in ("", *EXTRAS):
        for name in required_by(extra):
            users[name].append(extra)
    rows = {
        name: (licence_of(distribution(name)), "always" if "" in extras else f"extra {', '.join(extras)}")
        for name, extras in users.items()
    }
    rows |= {name: (licence, "extra azure") for name, licence in AZURE.items() if name not in rows}
    return _table(("package", "licence", "installed"), ((name, *rows[name]) for name in sorted(rows)))


def jar_table() -> str:
    """Return the Markdown table of jars; RuntimeError where Maven has not listed them."""
    if not JARS.exists():
        raise RuntimeError(f"{JARS} does not exist; run `make sbom`")
    components = json.loads(JARS.read_text("utf-8"))["components"]
    rows = ((f"{one['group']}:{one['name']}", _jar_licence(one)) for one in components)
    return _table(("jar", "licence"), sorted(rows))


def required_by(extra: str) -> set[str]:
    """Return the packages that Weir with an extra (empty: without one) requires, directly or not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = project["optional-dependencies"][extra] if extra else project["dependencies"]
    found: set[tuple[str, tuple[str, ...]]] = set()
    waiting = [Requirement(text) for text in wanted]
    while waiting:
        one = waiting.pop()
        key = (canonicalize_name(one.name), tuple(sorted(one.extras)))
        if key not in found:
            found.add(key)
            waiting += _requirements_of(distribution(one.name), {"", *one.extras})
    return {name for name, _ in found}


def _requirements_of(package: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for one in map(Requirement, package.requires or ()):
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras):
            yield one


def licence_of(package: Distribution) -> str:
    """Return the SPDX expression of a package, or what its metadata contains where it is none."""
    metadata = package.metadata
    classifiers = [text for text in metadata.get_all("Classifier") or () if text.startswith("License ::")]
    texts = [metadata.get("License-Expression"), (metadata.get("License") or "").strip().split("\n")[0]]
    if texts[0]:
        return str(texts[0])
    if texts[1] and texts[1].lower() in _SPELLINGS:
        return _SPELLINGS[texts[1].lower()]
    names = [text.split(" :: ")[-1] for text in classifiers]
    found = [_SPELLINGS.get(name.lower(), name) for name in names]
    return " AND ".join(found) or str(texts[1] or "unknown")


def _jar_licence(component: Mapping[str, list[dict[str, dict[str, str]]]]) -> str:
    licences = [one["license"] for one in component.get("licenses", [])]
    return " OR ".join(one.get("id") or one["name"] for one in licences) or "unknown"


def licences_on_page() -> dict[str, str]:
    """Return the licence of each package and jar that the page lists."""
    rows = re.findall(r"^\| ([\w.:-]+) \| ([^|]+?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    return {name: licence for name, licence in rows if licence != "licence"}


def _table(header: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> str:
    rule = "|---" * len(header) + "|"
    lines = [f"| {' | '.join(line)} |" for line in (header, *rows)]
    return "\n".join([lines[0], rule, *lines[1:]])


if __name__ == "__main__":
    write_page()
