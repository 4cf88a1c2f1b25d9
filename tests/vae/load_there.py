"""Run where TensorFlow is: what a folder's detector answers to rows after alibi-detect's own loading.

python -m tests.vae.load_there FOLDER ROWS.npy ANSWERS.npz
"""

from __future__ import annotations

import sys

import numpy as np
from alibi_detect.saving import load_detector

if __name__ == "__main__":
    folder, rows, answers = sys.argv[1:]
    result = load_detector(folder).predict(np.load(rows))["data"]
    np.savez(answers, **{name: value for name, value in result.items() if value is not None})
