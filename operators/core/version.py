"""The version of Weir, and that of the Python it runs on.

A job runs from an archive without package metadata, so the version is here as well as in pyproject.toml.
"""

from __future__ import annotations

import sys

VERSION = "0.1.0"
# Without the patch level: functions that one minor version pickles cannot be loaded by another.
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
