"""The command `weir train`, run as a module.

python -m jobs.train_monitors --data adult.csv --target income-per-year --out models
"""

from __future__ import annotations

import sys

from jobs.cli.main import main

if __name__ == "__main__":
    sys.argv.insert(1, "train")
    main()
