"""Everything that runs has a licence that fits Apache-2.0, and docs/licences.md lists it."""

from __future__ import annotations

import re
from importlib.metadata import distribution

import pytest

from docs import licences
from jobs.flink.paths import jars
from tests.support.paths import ROOT

# Categories A and B of https://www.apache.org/legal/resolved.html. `BSD` has two or three clauses.
ALLOWED = {
    "Apache-2.0",
    "BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CNRI-Python",
    "Go License",
    "HPND",
}
ALLOWED |= {"ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0"}


def refused(listed: dict[str, str]) -> dict[str, str]:
    """Return what has a licence that is not allowed."""
    terms = {name: re.split(r" AND | OR ", re.sub("[()]", "", text)) for name, text in listed.items()}
    return {name: listed[name] for name, found in terms.items() if not set(found) <= ALLOWED}


def test_every_licence_fits() -> None:
    assert refused(licences.licences_on_page()) == {}
    others = {"a": "MIT AND (GPL-3.0-only OR MIT)", "b": "Business Source License 1.1"}
    assert refused(others) == others


@pytest.mark.parametrize("extra", ["", *licences.EXTRAS])
def test_every_package_is_listed_with_its_licence(extra: str) -> None:
    listed = licences.licences_on_page()
    installed = {name: licences.licence_of(distribution(name)) for name in licences.required_by(extra)}
    assert installed.items() <= listed.items(), "run `make docs`"


@pytest.mark.parametrize("kind", ["kafka", "flink"])
def test_every_jar_is_listed(kind: str) -> None:
    listed = {name.split(":")[1] for name in licences.licences_on_page() if ":" in name}
    assert {re.sub(r"-\d.*", "", jar.name) for jar in jars(kind)} <= listed, "run `make docs`"


def test_alibi_detect_stays_below_the_version_with_another_licence() -> None:
    files = [(ROOT / name).read_text("utf-8") for name in ("constraints.txt", "pyproject.toml")]
    pattern = r"alibi-detect(?:\[\w+\])?==(\d+)\.(\d+)\.(\d+)"
    pins = [tuple(map(int, pin)) for text in files for pin in re.findall(pattern, text)]
    assert len(pins) == 3
    assert max(pins) < (0, 11, 5)
