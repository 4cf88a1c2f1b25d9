from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Model folders that other versions and libraries wrote.
FOLDERS = ROOT / "tests" / "folders"
EXAMPLES = ROOT / "examples"
