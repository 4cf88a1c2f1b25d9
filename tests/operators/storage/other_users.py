"""Another user's files, for tests that run as root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")
# Of nobody on the machine, and of no group.
STRANGER = 54_321


def give_away(path: Path, *, group: bool = False) -> Path:
    """Make a stranger, or only their group, own a path."""
    os.chown(path, -1 if group else STRANGER, STRANGER, follow_symlinks=False)
    return path
