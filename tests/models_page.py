"""The tables of docs/models.md, made from what the tests try (`make docs`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from jobs.flink.paths import ROOT
from tests.boosters.matrix import CASES, OLDER_XGBOOST, Case

PAGE = ROOT / "docs" / "models.md"
_BEGIN, _END = "<!-- kinds: begin, made by `make docs` -->", "<!-- kinds: end -->"


class Kind(NamedTuple):
    """A kind of model, what it is compared with, how equal it is, and the tests that prove it."""

    kind: str
    compared_with: str
    equal: str
    tests: str


_BIT, _LAST_PLACES = "to the bit", "labels to the bit, numbers to 4 units in the last place"
OTHERS = (
    Kind("scikit-learn: any estimator", "MLServer 1.7.1", _LAST_PLACES, "tests/parity/test_mlserver.py"),
    Kind(
        "scikit-learn: forests, and column transformers of imputers, scalers and one-hot encoders, compiled",
        "scikit-learn",
        f"{_BIT}, or served uncompiled",
        "tests/operators/models/runtimes/test_sklearn_fast.py",
    ),
    Kind("scikit-learn: models of texts", "MLServer 1.7.1", _LAST_PLACES, "tests/parity/test_mlserver.py"),
    Kind(
        "scikit-learn saved under other versions",
        "its `probe.json`",
        "to 1e-5, or refused with both versions named",
        "tests/operators/models/formats/test_foreign_folders.py",
    ),
    Kind(
        "alibi-detect: KSDrift, ChiSquareDrift, TabularDrift",
        "alibi-detect 0.11.4",
        "verdict, p-values and distances to the last float32",
        "tests/detectors/drift/test_as_alibi_detect.py",
    ),
    Kind(
        "alibi-detect: isolation forest, Mahalanobis, OutlierVAE; a scikit-learn isolation forest",
        "alibi-detect 0.11.4, scikit-learn",
        "flags equal, scores to 1e-9",
        "tests/parity/test_alibi_detect.py",
    ),
    Kind(
        "a Python class of one's own",
        "nothing: it answers what it answers",
        "",
        "tests/operators/models/formats/test_python_class.py",
    ),
    Kind(
        "a class for MLServer's `MLModel`",
        "",
        "refused: write `predict(tensors)`",
        "tests/operators/models/formats/test_python_class.py",
    ),
)


def tables() -> Iterator[str]:
    """Yield the tables' lines."""
    yield from ("", "| kind | compared with | equal | tests |", "|---|---|---|---|")
    for one in OTHERS:
        yield f"| {one.kind} | {one.compared_with} | {one.equal} | [`{one.tests}`](../{one.tests}) |"
    for library, title in (("xgboost", "XGBoost"), ("lightgbm", "LightGBM")):
        yield from (
            "",
            f"### {title}",
            "",
            "| saved by | kind | objectives | file | equal |",
            "|---|---|---|---|---|",
        )
        yield from _boosters([case for case in CASES if case.library == library])
    yield ""


def page(text: str) -> str:
    """Return the page with the tables as they are now."""
    before, rest = text.split(_BEGIN)
    return f"{before}{_BEGIN}\n{chr(10).join(tables())}\n{_END}{rest.split(_END)[1]}"


def _boosters(cases: Iterable[Case]) -> Iterator[str]:
    for (saved_by, kind, equal), group in groupby(sorted(cases, key=_row), key=_row):
        members = list(group)
        objectives = ", ".join(f"`{name}`" for name in dict.fromkeys(case.objective for case in members))
        yield f"| {saved_by} | {kind} | {objectives} | {_forms(members)} | {equal} |"


def _row(case: Case) -> tuple[str, str, str]:
    saved_by = "the library's own booster" if case.saved_by == "native" else f"`{case.saved_by}`"
    kind = ", ".join(filter(None, (case.booster, case.note)))
    if case.refused:
        return saved_by, kind, f"refused: “{case.refused}”"
    return saved_by, kind, _equal(case)


def _equal(case: Case) -> str:
    if case.precision is None:
        return "labels to the bit, numbers to 1e-5 of the largest"
    return (
        f"labels to the bit, numbers to {case.precision} units in the last place" if case.precision else _BIT
    )


def _forms(cases: list[Case]) -> str:
    names = {"json": "JSON", "ubj": "UBJSON", "deprecated": f"old binary ({OLDER_XGBOOST})", "text": "text"}
    versions = sorted({case.version for case in cases})
    forms = ", ".join(names[form] for form in names if form in {case.form for case in cases})
    stopped = ", with and without early stopping" if any(case.stopped for case in cases) else ""
    return f"{forms} of {' and '.join(versions)}{stopped}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
