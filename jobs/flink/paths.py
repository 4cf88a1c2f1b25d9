"""Paths of the project, of its jars, and of the local stack's folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from operators.core.errors import DeploymentError

ROOT = Path(__file__).resolve().parents[2]
JARS = ROOT / "build" / "jars"
BUNDLE = ROOT / "build" / "bundle.zip"


def home() -> Path:
    """Return the folder of the local stack: WEIR_HOME, or .weir in the project."""
    return Path(os.environ.get("WEIR_HOME") or ROOT / ".weir").absolute()


def flink_home() -> Path:
    """Return the Flink distribution inside the PyPI package."""
    import pyflink

    return Path(pyflink.__file__).parent


def java() -> str:
    """Return the path of the java command; DeploymentError where there is none."""
    java_home = os.environ.get("JAVA_HOME")
    command = shutil.which(str(Path(java_home) / "bin" / "java") if java_home else "java")
    if not command:
        problem = (
            f"JAVA_HOME is {java_home}, but it contains no bin/java"
            if java_home
            else "there is no java on the PATH"
        )
        raise DeploymentError(f"{problem}; install Java 17 (Debian: apt install openjdk-17-jre-headless)")
    return command


def jars(kind: str) -> list[Path]:
    """Return the jars that Maven copied for the broker (`kafka`) or the cluster (`flink`).

    DeploymentError where there are none.
    """
    paths = sorted((JARS / kind).glob("*.jar"))
    if not paths:
        raise DeploymentError(f"there are no jars in {JARS / kind}; run `make setup`")
    return paths
