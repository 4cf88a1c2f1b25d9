"""Creating model folders in the layout of MLServer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

SKLEARN = "mlserver_sklearn.SKLearnModel"
ALIBI_DETECT = "mlserver_alibi_detect.AlibiDetectRuntime"
DATA_QUALITY = "weir.DataQuality"


class Folders:
    """Creates model folders `NAME` + suffix below `out`; `written` maps them, in order, to their runtimes."""

    def __init__(self, out: Path, name: str) -> None:
        self.out = out
        self.name = name
        self.written: dict[Path, str] = {}

    def make(
        self,
        suffix: str,
        implementation: str,
        uri: str = "./",
        extra: dict[str, Any] | None = None,
        content_type: str = "",
    ) -> Path:
        """Create an empty folder with its model-settings.json; an existing folder is deleted."""
        folder = self.out / f"{self.name}{suffix}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        parameters: dict[str, Any] = {"uri": uri, "version": "v1"}
        if content_type:
            parameters["content_type"] = content_type
        if extra:
            parameters["extra"] = extra
        settings = {"name": folder.name, "implementation": implementation, "parameters": parameters}
        (folder / "model-settings.json").write_text(json.dumps(settings, indent=2), "utf-8")
        self.written[folder] = implementation
        return folder
