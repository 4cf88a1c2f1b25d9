from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("jobs", "operators", "detectors")
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


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_from_jobs_to_operators_to_detectors(path: Path) -> None:
    layer = path.relative_to(ROOT).parts[0]
    above = set(LAYERS[: LAYERS.index(layer)])
    assert not packages(path) & above


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_runs_in_workers_needs_what_only_training_needs(path: Path) -> None:
    if "training" not in path.parts and path.name != "converting.py":
        assert not packages(path) & TRAINING_ONLY


def test_detectors_know_no_flink_no_kafka_and_no_json() -> None:
    for path in (ROOT / "detectors").rglob("*.py"):
        assert not packages(path) & {*JVM, "kafka", "json", "msgspec"}, path


def test_only_the_two_adapters_know_flink_among_operators() -> None:
    knowing = {path.name for path in (ROOT / "operators").rglob("*.py") if packages(path) & JVM}
    assert knowing == {"infer.py", "monitor.py"}


def test_no_module_is_named_like_one_of_the_standard_library() -> None:
    assert not {path.stem for path in SOURCES} & set(sys.stdlib_module_names)


def test_files_stay_small() -> None:
    long = {str(path.relative_to(ROOT)) for path in SOURCES if len(path.read_text().splitlines()) > 300}
    assert not long
