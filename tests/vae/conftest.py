"""Detectors that alibi-detect saved with TensorFlow at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vae.environment import run_there


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of detectors with their answers, the autoencoders converted; see `save_there`."""
    out = tmp_path_factory.mktemp("saved")
    run_there("tests.vae.save_there", out)
    return out
