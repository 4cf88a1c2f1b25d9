"""Run where TensorFlow is: train monitors with an outlier detector of a kind, as `weir train` does.

python -m tests.vae.train_there KIND OUT
"""

from __future__ import annotations

import sys
from pathlib import Path

from jobs.data.synthetic_census import TARGET, census_like
from jobs.models.train import train
from jobs.models.training.options import Options

if __name__ == "__main__":
    kind, out = sys.argv[1:]
    options = Options(outlier=kind, threshold="injected", windows=())  # type: ignore[arg-type]
    train(census_like(1_500, 4), TARGET, Path(out), options, on_progress=lambda line: None)
