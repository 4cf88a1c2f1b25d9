"""Boosters of every kind, trained by the libraries themselves in environments of their own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.boosters.matrix import CASES, LIGHTGBM, OLDER_XGBOOST, XGBOOST, Case
from tests.parity.mlserver import MLServer, mlserver_environment, serving
from tests.parity.one_step import Weir
from tests.support.environments import environment, run

_SCRIPT = Path(__file__).with_name("train_there.py")
_OLDER = (f"xgboost-cpu=={OLDER_XGBOOST}", "scikit-learn==1.5.2", "numpy==1.24.4", "scipy==1.11.4")


@pytest.fixture(scope="session")
def boosters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each case that names its library and version, with `rows.npy` and `odd.npy` there."""
    out = tmp_path_factory.mktemp("boosters")
    older = environment("xgboost-2.1", _OLDER)
    for library, version, there in (
        ("xgboost", XGBOOST, mlserver_environment()),
        ("lightgbm", LIGHTGBM, mlserver_environment()),
        ("xgboost", OLDER_XGBOOST, older),
    ):
        root = out / f"{library}-{version}"
        root.mkdir()
        run(str(there / "bin" / "python"), str(_SCRIPT), library, version, str(root))
    return out


def folder_of(case: Case, boosters: Path) -> Path:
    """Return the folder of a case."""
    return boosters / f"{case.library}-{case.version}" / case.name


def put_to_mlserver(case: Case) -> bool:
    """Choose one file of each kind that MLServer 1.7.1 loads: with early stopping, saved as JSON."""
    loads = not case.refused and case.version != OLDER_XGBOOST and case.saved_by != "XGBRanker"
    if not loads or case.form == "ubj" or case.booster in ("dart", "rf", "goss"):
        return False
    return case.stopped or case._replace(stopped=True) not in CASES


@pytest.fixture(scope="session")
def mlserver(boosters: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MLServer]:
    """MLServer over a copy of a folder of each kind."""
    root = tmp_path_factory.mktemp("mlserver-boosters")
    for case in filter(put_to_mlserver, CASES):
        shutil.copytree(folder_of(case, boosters), root / case.name)
    with serving(root) as server:
        yield server


@pytest.fixture(scope="session")
def weir(boosters: Path, tmp_path_factory: pytest.TempPathFactory) -> Weir:
    """Weir over the same folders."""
    folders = {case.name: folder_of(case, boosters) for case in filter(put_to_mlserver, CASES)}
    return Weir(folders, tmp_path_factory.mktemp("manifests"))
