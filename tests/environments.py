"""Environments beside this one, in build/: for what cannot be installed here, or should not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from jobs.stack.layout import ROOT

CONSTRAINTS = ROOT / "constraints.txt"


def environment(
    name: str,
    packages: Sequence[str],
    shared: Sequence[str] = (),
    constraints: Path | None = None,
    bare: Sequence[str] = (),
) -> Path:
    """Return build/NAME with some packages, and others in the versions of this environment.

    It is made the first time, and again when what it should hold changes. `constraints` pin what comes along,
    except for what is shared. `bare` packages come without what they ask for.
    """
    folder = ROOT / "build" / name
    pins = [*packages, *(f"{package}=={version(package)}" for package in shared)]
    limits = _limits(constraints, shared) if constraints else []
    marker, wanted = folder / "pins.txt", "\n".join([*pins, *bare, *limits])
    if not marker.is_file() or marker.read_text("utf-8") != wanted:
        run(sys.executable, "-m", "venv", "--clear", str(folder))
        (folder / "limits.txt").write_text("\n".join(limits), "utf-8")
        pip = (str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check")
        run(*pip, "install", "--quiet", "-c", str(folder / "limits.txt"), *pins)
        if bare:
            run(*pip, "install", "--quiet", "--no-deps", *bare)
        marker.write_text(wanted, "utf-8")
    return folder


def run(*command: str, cwd: Path | None = None, **variables: str) -> str:
    """Run a command to its end and return what it said; fail with that if it fails."""
    surroundings = {**os.environ, **variables}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4_000:]}"
    return done.stdout


def _limits(constraints: Path, shared: Sequence[str]) -> list[str]:
    pinned = [line for line in constraints.read_text("utf-8").splitlines() if "==" in line]
    same = {_plain(name) for name in shared}
    return [line for line in pinned if _plain(line.partition("==")[0]) not in same]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
