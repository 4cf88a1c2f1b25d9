"""Environments beside this one, in build/: for what cannot be installed here, or should not."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from jobs.flink.paths import ROOT

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
    except for what is shared. `bare` packages come without what they ask for. Tests of another process wait.
    """
    folder = ROOT / "build" / name
    pins = [*packages, *(f"{package}=={version(package)}" for package in shared)]
    limits = _limits(constraints, shared) if constraints else []
    marker, wanted = folder / "pins.txt", "\n".join([*pins, *bare, *limits])
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.is_file() or marker.read_text("utf-8") != wanted:
            run(sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder))
            (folder / "limits.txt").write_text("\n".join(limits), "utf-8")
            _install(folder, "-c", str(folder / "limits.txt"), *pins)
            if bare:
                _install(folder, "--no-deps", *bare)
            marker.write_text(wanted, "utf-8")
    return folder


def _install(folder: Path, *what: str) -> None:
    """Install by the pip that installed the tests; modules are compiled when they are imported."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(folder))
    run(*pip, "install", "--quiet", "--no-compile", *what)


def run(*command: str, cwd: Path | None = None, **variables: str) -> str:
    """Run a command to its end and return what it printed; fail with that if it fails."""
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
