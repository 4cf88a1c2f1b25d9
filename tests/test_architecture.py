from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import pytest

from tests.import_order import LAYERS, ORDER

ROOT = Path(__file__).resolve().parents[1]
MOST_MODULES = 14
SOURCES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))
# Only training and the conversion of what was trained elsewhere may need these.
TRAINING_ONLY = {"alibi_detect", "dill", "tensorflow", "torch", "numba"}
JVM = {"pyflink", "py4j"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module or ""


def module(path: Path) -> tuple[str, ...]:
    """`jobs/cli/app.py` as ("jobs", "cli", "app"), a folder's `__init__.py` as the folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported_modules(path: Path) -> Iterator[tuple[str, ...]]:
    """Our own modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                one = (*node.module.split("."), alias.name)
                yield one if one in MODULES else one[:-1]
        elif isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)


MODULES = {module(path) for path in SOURCES}


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_is_before_it_in_the_order(path: Path) -> None:
    importer = module(path)
    for imported in imported_modules(path):
        if imported[0] not in LAYERS or imported == importer:
            continue
        shared = next(i for i, (a, b) in enumerate(zip_longest(importer, imported)) if a != b)
        assert shared < min(len(importer), len(imported)), f"{path} and {imported} are in one another"
        order = ORDER["/".join(importer[:shared])].split() if shared else list(LAYERS)
        assert order.index(imported[shared]) < order.index(importer[shared]), (
            f"{path} imports {'.'.join(imported)}, which is above it in tests/import_order.py"
        )


def test_the_order_names_every_module_and_folder_once() -> None:
    found: dict[str, list[str]] = {}
    for name in MODULES:
        if len(name) > 1:
            found.setdefault("/".join(name[:-1]), []).append(name[-1])
    assert {folder: sorted(names) for folder, names in found.items()} == {
        folder: sorted(names.split()) for folder, names in ORDER.items()
    }


def test_no_folder_holds_more_than_a_newcomer_can_look_through() -> None:
    assert {folder for folder, names in ORDER.items() if len(names.split()) > MOST_MODULES} == set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_runs_in_workers_needs_what_only_training_needs(path: Path) -> None:
    if not path.relative_to(ROOT).as_posix().startswith(("jobs/models/training/", "jobs/models/convert/")):
        assert not packages(path) & TRAINING_ONLY


def test_detectors_know_no_flink_no_kafka_and_no_json() -> None:
    for path in (ROOT / "detectors").rglob("*.py"):
        assert not packages(path) & {*JVM, "kafka", "json", "msgspec"}, path


def test_only_the_three_adapters_know_flink_among_operators() -> None:
    knowing = {path.name for path in (ROOT / "operators").rglob("*.py") if packages(path) & JVM}
    assert knowing == {"infer.py", "count.py", "monitor.py"}


def test_no_module_is_named_like_one_of_the_standard_library() -> None:
    assert not {path.stem for path in SOURCES} & set(sys.stdlib_module_names)


def test_files_stay_small() -> None:
    long = {str(path.relative_to(ROOT)) for path in SOURCES if len(path.read_text().splitlines()) > 300}
    assert not long
