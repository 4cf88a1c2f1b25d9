"""False alarms, power and speed of the drift detectors, compared with alibi-detect.

python -m benchmarks.drift [--references 20 --windows 500] [--only false-alarms power speed]

WEIR_CENSUS_CSV is the path of the census extract, the UCI "Adult" data with a header. Without it, generated
people are used. The benchmarks take 24 minutes of processor time, in two processes.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import warnings

from rich.console import Console
from threadpoolctl import threadpool_limits

from benchmarks.drift import false_alarms, power, speed
from benchmarks.drift.populations import census, people

# Generating people takes time, and large windows need fewer repetitions: none or all are called drift.
_FEWER_PEOPLE = 5
# Power needs less precision than false alarms.
_FEWER_REFERENCES, _FEWER_WINDOWS = 4, 5
PARTS = ("speed", "false-alarms", "power")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--references", type=int, default=20)
    parser.add_argument("--windows", type=int, default=500, help="windows per reference and size")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    console = Console()
    if "speed" in arguments.only:
        console.print(*speed.measure(census(complete=True)))
    with multiprocessing.Pool(arguments.processes, threadpool_limits, [1]) as pool:
        if "false-alarms" in arguments.only:
            for population, windows in ((census(), arguments.windows), (people(), fewer(arguments.windows))):
                console.print(*false_alarms.measure(population, arguments.references, windows, pool))
        if "power" in arguments.only:
            references, windows = (
                fewer(arguments.references, _FEWER_REFERENCES),
                fewer(arguments.windows, _FEWER_WINDOWS),
            )
            for population, number in (
                (census(complete=True), windows),
                (people(complete=True), fewer(windows)),
            ):
                console.print(*power.measure(population, references, number, pool))


def fewer(number: int, divisor: int = _FEWER_PEOPLE) -> int:
    """Return a number divided by a divisor, at least 1."""
    return max(1, number // divisor)


if __name__ == "__main__":
    main()
