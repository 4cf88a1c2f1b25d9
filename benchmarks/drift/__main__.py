"""False alarms, power and speed of the drift detectors, beside alibi-detect.

python -m benchmarks.drift [--references 20 --windows 500] [--only false-alarms power speed]

WEIR_CENSUS_CSV names the census extract, the UCI "Adult" data with a header; without it generated people
stand in. Takes 24 minutes of processor time, in two processes.
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

# People are generated for every window, and of large windows fewer are enough: none or all are called drift.
_FEWER_PEOPLE = 5
# Power is no question of a percent.
_FEWER_REFERENCES, _FEWER_WINDOWS = 4, 5
PARTS = ("speed", "false-alarms", "power")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--references", type=int, default=20)
    parser.add_argument("--windows", type=int, default=500, help="for each reference and size")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    console = Console()
    if "speed" in given.only:
        console.print(*speed.measure(census(complete=True)))
    with multiprocessing.Pool(given.processes, threadpool_limits, [1]) as pool:
        if "false-alarms" in given.only:
            for population, windows in ((census(), given.windows), (people(), few(given.windows))):
                console.print(*false_alarms.measure(population, given.references, windows, pool))
        if "power" in given.only:
            references, windows = few(given.references, _FEWER_REFERENCES), few(given.windows, _FEWER_WINDOWS)
            for population, number in (
                (census(complete=True), windows),
                (people(complete=True), few(windows)),
            ):
                console.print(*power.measure(population, references, number, pool))


def few(number: int, divisor: int = _FEWER_PEOPLE) -> int:
    return max(1, number // divisor)


if __name__ == "__main__":
    main()
