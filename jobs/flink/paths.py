"""Where things lie: the project, its jars, and a stack's own folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from operators.core.errors import DeploymentError

ROOT = Path(__file__).resolve().parents[2]
JARS = ROOT / "build" / "jars"
BUNDLE = ROOT / "build" / "bundle.zip"


def home() -> Path:
    """Return the folder of this user's stack: WEIR_HOME, or .weir in the project."""
    return Path(os.environ.get("WEIR_HOME") or ROOT / ".weir").absolute()


def flink_home() -> Path:
    """Return the Flink distribution inside the PyPI package."""
    import pyflink

    return Path(pyflink.__file__).parent


def java() -> str:
    """Return the java command, or say how to get one."""
    named = os.environ.get("JAVA_HOME")
    found = shutil.which(str(Path(named) / "bin" / "java")) if named else shutil.which("java")
    if not found:
        where = f"JAVA_HOME is {named}, but has no bin/java" if named else "there is no java on the PATH"
        raise DeploymentError(f"{where}: install Java 17 (Debian: apt install openjdk-17-jre-headless)")
    return found


def jars(kind: str) -> list[Path]:
    """Return the jars that Maven copied for the broker (`kafka`) or the cluster (`flink`)."""
    found = sorted((JARS / kind).glob("*.jar"))
    if not found:
        raise DeploymentError(f"no jars in {JARS / kind}: run `make setup`")
    return found
