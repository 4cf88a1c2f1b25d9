from __future__ import annotations

import sys
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from jobs.local_stack import processes


def test_what_a_stack_runs_finds_modules_on_its_path_rather_than_where_its_user_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("user", "job", "stack"):
        (tmp_path / place).mkdir()
    (tmp_path / "user" / "model_of_user.py").write_text("print('the user stands here')")
    (tmp_path / "job" / "model_of_user.py").write_text("print('the job brought this')")
    monkeypatch.chdir(tmp_path / "user")
    log = tmp_path / "stack" / "out.log"

    command = [sys.executable, "-m", "model_of_user"]
    pid = processes.spawn(command, uuid4().hex, log, {"PYTHONPATH": str(tmp_path / "job")})

    psutil.Process(pid).wait(timeout=30)
    assert log.read_text() == "the job brought this\n"
