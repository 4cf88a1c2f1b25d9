"""bundle.zip: the three packages at the root of an archive, as `flink run -pyfs` requires them.

python -m jobs.flink.bundle [FILE]
"""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

from jobs.flink.paths import BUNDLE, ROOT

PACKAGES = ("jobs", "operators", "detectors")
_FIXED_TIME = (2020, 1, 1, 0, 0, 0)


def write_bundle(path: Path = BUNDLE) -> Path:
    """Write the archive and return its path; the same sources result in the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sources = sorted(source for package in PACKAGES for source in (ROOT / package).rglob("*.py"))
    # Another command may read the archive meanwhile.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for source in sources:
            entry = zipfile.ZipInfo(source.relative_to(ROOT).as_posix(), _FIXED_TIME)
            archive.writestr(entry, source.read_bytes(), zipfile.ZIP_DEFLATED)
    unfinished.replace(path)
    return path


if __name__ == "__main__":
    print(write_bundle(Path(sys.argv[1]) if len(sys.argv) > 1 else BUNDLE))
