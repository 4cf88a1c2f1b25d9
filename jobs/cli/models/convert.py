"""The verb `weir convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.options import TrustedRoots
from jobs.cli.trusted_paths import load_named
from jobs.models.convert.alibi_detect_files import convert as write
from operators.storage.trusted_roots import make_policy


def convert(
    folders: Annotated[list[Path], typer.Argument(help="detector folders that alibi-detect saved with dill")],
    trusted_roots: TrustedRoots = "models",
) -> None:
    """Convert alibi-detect's dill files to arrays and TOML, which the job reads without running code.

    The new files are written to the same folders.
    """
    site = make_policy(trusted_roots, "")
    for folder in folders:
        for path in load_named(folder, site, write):
            print(f"wrote {path}")
