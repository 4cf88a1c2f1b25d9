from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from jobs.flink.bundle import write_bundle
from tests.support.paths import ROOT

IMPORT_EVERYTHING = """
import importlib, sys, zipfile
bundle = sys.argv[1]
project = [entry for entry in sys.path if entry and entry in sys.argv[2:]]
sys.path = [bundle] + [entry for entry in sys.path if entry not in project and entry]
sys.meta_path = [finder for finder in sys.meta_path if "__editable__" not in repr(finder)]
for name in zipfile.ZipFile(bundle).namelist():
    module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    if module.startswith(("operators", "detectors")):
        assert importlib.import_module(module).__file__.startswith(bundle), module
assert not {"alibi_detect", "dill", "tensorflow", "pyflink.table.udf.dill"} & set(sys.modules)
"""


def test_workers_can_import_everything_from_the_bundle_alone(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle.zip")
    command = [sys.executable, "-c", IMPORT_EVERYTHING, str(bundle), str(ROOT)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_three_packages_lie_at_the_root(tmp_path: Path) -> None:
    names = zipfile.ZipFile(write_bundle(tmp_path / "bundle.zip")).namelist()
    assert {name.split("/")[0] for name in names} == {"jobs", "operators", "detectors"}
    assert "jobs/production_monitoring.py" in names


def test_the_same_sources_make_the_same_bytes(tmp_path: Path) -> None:
    one, other = write_bundle(tmp_path / "1.zip"), write_bundle(tmp_path / "2.zip")
    assert one.read_bytes() == other.read_bytes()
