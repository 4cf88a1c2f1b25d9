"""`make fuzz`: reads generated inputs for `FUZZ_SECONDS`, an hour by default.

Prints the number of inputs of each target, and every input that broke a bound. They are kept in build/fuzz,
and come first in the next run.
"""

from __future__ import annotations

import os
import sys
import warnings
from itertools import cycle
from time import monotonic

from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.errors import HypothesisWarning

from tests.fuzz.bounds import limit_memory
from tests.fuzz.separate_process import SeparateProcess
from tests.fuzz.targets import TARGETS, run
from tests.support.paths import ROOT

_AT_ONCE = 200


def main() -> int:
    """Run all targets in turn until the time is over or none is left; return the number of failed ones."""
    # Inputs are printed whole.
    warnings.simplefilter("ignore", HypothesisWarning)
    limit_memory()
    database = DirectoryBasedExampleDatabase(ROOT / "build" / "fuzz")
    deadline = monotonic() + float(os.environ.get("FUZZ_SECONDS", "3600"))
    counts, failed = dict.fromkeys(TARGETS, 0), dict[str, BaseException]()
    process = SeparateProcess()
    for name in cycle(TARGETS):
        if monotonic() > deadline or len(failed) == len(TARGETS):
            break
        if name in failed:
            continue
        try:
            counts[name] += run(name, _AT_ONCE, process, database)
        except Exception as error:
            failed[name] = error
            print(f"FAILED {name}: {error}", *getattr(error, "__notes__", ()), sep="\n  ", flush=True)
    process.close()
    for name, count in counts.items():
        print(f"{name:32} {f'{count:,}':>12} inputs  {'FAILED' if name in failed else ''}".rstrip())
    return len(failed)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
