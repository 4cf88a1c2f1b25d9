"""What many tests stand on: real data where it is at hand, trained models, a running stack."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from numpy.typing import NDArray
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from jobs.data.feature_encoding import encode, infer_features
from jobs.data.synthetic_census import TARGET, census_like
from jobs.data.table_files import read_table
from jobs.local_stack.ports import free_ports
from jobs.local_stack.stack import Stack, up
from jobs.models.train import Trained, train
from jobs.models.training.options import Options

# How long an example takes depends on what else the machine does.
settings.register_profile("weir", deadline=None)
settings.load_profile("weir")
logging.getLogger("kafka").setLevel(logging.CRITICAL)
# The mark of every test in a folder or module. Those of a cluster share one, so one process runs them all.
MARKS = {
    "tests/end_to_end/": "cluster",
    "tests/docker/": "cluster",
    "tests/parity/": "environment",
    "tests/boosters/": "environment",
    "tests/vae/": "environment",
    "tests/jobs/services/views/test_in_browser.py": "environment",
}


def mark_of(nodeid: str) -> str:
    """Return the mark of a test's folder or module, empty where it has none."""
    return next((mark for folder, mark in MARKS.items() if nodeid.startswith(folder)), "")


class Scheduling(LoadScopeScheduling):
    """One process runs the tests that share broker and cluster, another meanwhile the rest by modules."""

    def _split_scope(self, nodeid: str) -> str:
        return "cluster" if mark_of(nodeid) == "cluster" else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder, and begin with those that take longest."""
    for item in items:
        if mark := mark_of(item.nodeid):
            item.add_marker(mark)
    items.sort(key=lambda item: mark_of(item.nodeid) != "cluster")


@pytest.fixture(scope="session")
def census() -> NDArray[np.float64]:
    """The real census extract as 12 encoded columns, missing values as NaN."""
    path = os.environ.get("WEIR_CENSUS_CSV")
    if not path:
        pytest.skip("WEIR_CENSUS_CSV does not name the census extract")
    table = read_table(Path(path)).frame.drop(columns=["fnlwgt", "education-num", TARGET])
    return encode(table, infer_features(table))


CENSUS_CATEGORICAL = (1, 2, 3, 4, 5, 6, 7, 11)


@pytest.fixture(scope="session")
def people() -> pd.DataFrame:
    """Generated people, with target."""
    return census_like(6_000, seed=7)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, people: pd.DataFrame) -> Path:
    """Folder of models trained on generated people."""
    out = tmp_path_factory.mktemp("project") / "models"
    options = Options(windows=(300,), rate=0.05, draws=200)
    _trained[out] = train(people, TARGET, out, options, on_progress=lambda line: None)
    return out


@pytest.fixture(scope="session")
def trained(models: Path) -> Trained:
    """The result of training `models`."""
    return _trained[models]


_trained: dict[Path, Trained] = {}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A broker and a cluster with worker processes, on free ports."""
    stack = up(tmp_path_factory.mktemp("stack"), free_ports(), on_progress=lambda line: None)
    yield stack
    stack.down()
