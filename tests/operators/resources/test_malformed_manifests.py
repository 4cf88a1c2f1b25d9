"""Whatever a manifest holds, it is taken, or refused with an error that names what is wrong and where."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.releases.validation.manifests import check
from operators.kafka.topics import Topics
from operators.resources.field_support import fields
from operators.resources.manifests import Manifests, read_manifests
from operators.resources.monitor_schema import Monitor
from operators.resources.seldon_schema import Model, Pipeline
from operators.storage.trusted_roots import make_policy
from tests.corpus.manifests import (
    FIELDS,
    MALFORMED,
    MISTYPED,
    WELL_FORMED,
    WELL_FORMED_JSON,
    Case,
    merge_bomb,
    unusable,
)

WEIR = Path(sys.executable).with_name("weir")
EXAMPLES = Path("examples/income")
ALL = {**MALFORMED, **MISTYPED}
# What a person who writes manifests should not have to know.
INTERNAL = re.compile(r"Traceback|<(class|function|generator|module)|object at 0x|datetime\.|msgspec|Struct")


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def check_words(errors: list[str], path: Path) -> None:
    """Every error is a line that can be printed, names the file and stays in bounds."""
    for error in errors:
        assert error.startswith(f"{path}: ")
        assert error.isprintable()
        assert len(error) < 2_000
        assert not INTERNAL.search(error)


def test_the_corpus_is_large_and_no_text_is_there_twice() -> None:
    assert len(MALFORMED) >= 110
    assert len({(case.text, case.suffix) for case in MALFORMED.values()}) == len(MALFORMED)


def test_the_corpus_puts_a_wrong_type_into_every_field() -> None:
    for kind, type_ in (("Model", Model), ("Pipeline", Pipeline), ("Monitor", Monitor)):
        assert set(fields(type_)) - {"kind", "metadata.*"} <= set(FIELDS[kind])


@pytest.mark.parametrize("name", ALL)
def test_what_is_wrong_is_reported_with_its_place(name: str, tmp_path: Path) -> None:
    case = ALL[name]
    path = write(tmp_path / f"file{case.suffix}", case.text)
    start = process_time()
    errors = read_manifests([path]).errors
    assert process_time() - start < 5
    check_words(errors, path)
    assert any(case.message in error for error in errors), errors


@pytest.mark.parametrize("name", WELL_FORMED)
def test_what_only_looks_odd_is_taken(name: str, tmp_path: Path) -> None:
    manifests = read_manifests([write(tmp_path / "file.yaml", WELL_FORMED[name])])
    assert not manifests.errors
    assert manifests.models


@pytest.mark.parametrize("name", WELL_FORMED_JSON)
def test_json_is_taken(name: str, tmp_path: Path) -> None:
    manifests = read_manifests([write(tmp_path / "file.json", WELL_FORMED_JSON[name])])
    assert not manifests.errors
    assert list(manifests.models) == ["a"]


def test_a_bomb_of_merge_keys_costs_no_time(tmp_path: Path) -> None:
    path = write(tmp_path / "file.yaml", merge_bomb(7))
    start = process_time()
    check_words(read_manifests([path]).errors, path)
    assert process_time() - start < 1


def test_a_key_that_is_there_twice_behind_many_others_costs_no_time(tmp_path: Path) -> None:
    keys = {f"k{i}": 0 for i in range(20_000)}
    path = write(tmp_path / "file.json", json.dumps(keys)[:-1] + ', "k19999": 1}')
    start = process_time()
    (error,) = read_manifests([path]).errors
    assert "key 'k19999' occurs twice" in error
    assert process_time() - start < 1


def names_of_unusable() -> Iterator[str]:
    yield from unusable(Path())


@pytest.mark.parametrize("name", list(names_of_unusable()))
def test_what_does_not_go_with_its_models_is_refused(name: str, models: Path, tmp_path: Path) -> None:
    case: Case = unusable(models)[name]
    path = write(tmp_path / "file.yaml", case.text)
    errors = check([path], Topics(), make_policy(str(models), str(tmp_path / "cache"))).errors
    check_words(errors, path)
    assert any(case.message in error for error in errors), errors


def test_the_command_names_every_malformed_file_and_ends_with_1(tmp_path: Path) -> None:
    # That a file holds nothing is an error only where no other file holds anything.
    nothing = "no Model or Pipeline"
    paths = [
        write(tmp_path / f"{number}{case.suffix}", case.text)
        for number, (name, case) in enumerate(ALL.items())
        if not case.message.startswith(nothing)
    ]
    assert len(paths) > 600
    done = run_validate("--with-artifacts", *paths)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert not [path for path in paths if f"{path}: " not in done.stderr]


def test_the_command_prints_what_no_terminal_can_show(tmp_path: Path) -> None:
    text = MALFORMED["a kind that no terminal can show"].text
    done = run_validate("--with-artifacts", write(tmp_path / "file.yaml", text))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "\\ud800" in done.stdout


def run_validate(option: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    files = [argument for path in paths for argument in ("-f", str(path))]
    environment = {**os.environ, "WEIR_HOME": str(paths[0].parent), "COLUMNS": "200"}
    return subprocess.run(
        [WEIR, "validate", option, *files],
        cwd=paths[0].parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is written again and again."""
    return tmp_path_factory.mktemp("mutations") / "file.yaml"


def is_taken_or_refused_in_words(text: str, path: Path) -> Manifests:
    manifests = read_manifests([write(path, text.encode("utf-8", "surrogatepass"))])
    check_words(manifests.errors, path)
    assert manifests.errors or manifests.models or manifests.pipelines
    return manifests


WATCHING = """\
apiVersion: weir/v1alpha1
kind: Monitor
metadata: {name: income-monitor}
spec:
  pipeline: income-workflow
  drift: [{step: income-drift-preprocessed, min_n: 100, min_effect: 0.2, confirm: 3, resolve: 1}]
"""


def examples() -> str:
    files = [(EXAMPLES / f"{name}.yaml").read_text() for name in ("workflow", "models")]
    return "---\n".join([WATCHING, *files])


def test_what_is_changed_below_is_well_formed(scratch: Path) -> None:
    manifests = is_taken_or_refused_in_words(examples(), scratch)
    assert (manifests.errors, list(manifests.monitors)) == ([], ["income-monitor"])


tokens = st.sampled_from([*"\t\n -:,?[]{}#&*!|>'\"%@`~.01x", "---\n", "<<: ", "&a ", "*a", "null", "on"])
edits = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.lists(tokens, max_size=4)), max_size=4)


def edited(text: str, edits: list[tuple[float, int, list[str]]]) -> str:
    for place, removed, put in edits:
        at = int(place * len(text))
        text = text[:at] + "".join(put) + text[at + removed :]
    return text


@settings(deadline=None)
@given(edits=edits, cut=st.none() | st.integers(0, 2_000))
def test_a_manifest_with_any_change_of_its_text_is_taken_or_refused_in_words(
    edits: list[tuple[float, int, list[str]]], cut: int | None, scratch: Path
) -> None:
    is_taken_or_refused_in_words(edited(examples(), edits)[:cut], scratch)


@settings(deadline=None)
@given(first=st.integers(0, 200), second=st.integers(0, 200), copied=st.booleans())
def test_a_manifest_whose_lines_were_mixed_up_is_taken_or_refused_in_words(
    first: int, second: int, copied: bool, scratch: Path
) -> None:
    lines = examples().splitlines()
    line = lines[first % len(lines)] if copied else lines.pop(first % len(lines))
    lines.insert(second % len(lines), line)
    is_taken_or_refused_in_words("\n".join(lines), scratch)


texts = st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=8)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | texts
    | st.sampled_from(["income", "income-outlier.outputs", "income-workflow", "a.b.c.d", "file://", "1Gi"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def deployments(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(document, (dict, list)):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for key, item in items:
            yield from deployments(item, (*path, key))


def changed(document: Any, path: tuple[Any, ...], how: str, value: Any) -> Any:
    """Return a copy with another value at a path, or one key or item more, less, or renamed."""
    if path:
        copy = dict(document) if isinstance(document, dict) else list(document)
        copy[path[0]] = changed(copy[path[0]], path[1:], how, value)
        return copy
    if how == "more" and isinstance(document, dict):
        return {**document, str(value)[:8]: value}
    if how == "more" and isinstance(document, list):
        return [*document, value]
    if how == "less" and isinstance(document, (dict, list)) and document:
        return dict(list(document.items())[1:]) if isinstance(document, dict) else document[1:]
    if how == "renamed" and isinstance(document, dict):
        return {f"{key}s": item for key, item in document.items()}
    return value


@settings(deadline=None)
@given(data=st.data())
def test_a_manifest_with_any_change_of_its_values_is_taken_or_refused_in_words(
    data: st.DataObject, scratch: Path
) -> None:
    documents = list(yaml.safe_load_all(examples()))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(deployments(documents))[1:]))
        how = data.draw(st.sampled_from(["another", "more", "less", "renamed"]))
        documents = changed(documents, path, how, data.draw(values))
    is_taken_or_refused_in_words(yaml.safe_dump_all(documents, allow_unicode=True), scratch)
