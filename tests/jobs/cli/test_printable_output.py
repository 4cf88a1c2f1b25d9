"""What the commands print of texts in topics, as bytes that a terminal gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from jobs.cli.option_groups import expand
from jobs.cli.printable_output import console
from jobs.cli.text_table import print_columns
from jobs.traffic.inspect.expression import Target
from jobs.traffic.inspect.readable_records import show
from operators.kafka.topics import Topics
from tests.corpus.records import Record

# Clear the screen, set its title, type a command, C1's form of ESC [, DEL, reversed text, half a character.
EVIL = "a\x1b[2J\x1b]0;owned\x07\x9b31m\x7f\u202egnp\ud800b"
OUTPUTS = Target("p", "", "outputs", "", Topics().outputs("p"))


def printed(verb: Any) -> tuple[str, str]:
    app = typer.Typer()
    app.command()(expand(verb))
    done = CliRunner(mix_stderr=False).invoke(app, [])
    assert done.exit_code == 0, done.exception
    return done.stdout, done.stderr


def test_a_verb_prints_control_characters_as_text() -> None:
    def verb() -> None:
        print(EVIL, "c\td")
        print(EVIL, file=sys.stderr, flush=True)

    shown = r"a\u001b[2J\u001b]0;owned\u0007\u009b31m\u007f\u202egnp\ud800b"
    assert printed(verb) == (f"{shown} c\td\n", f"{shown}\n")


def test_json_has_the_same_values_as_before() -> None:
    values = {"text": EVIL.replace("\ud800", ""), "other": "ä\n\t€ 😀"}

    def verb() -> None:
        print(json.dumps(values, ensure_ascii=False))

    output, _ = printed(verb)
    assert json.loads(output) == values
    assert output.replace("\n", "").isprintable()


def test_cells_stay_in_their_rows(capsys: pytest.CaptureFixture[str]) -> None:
    print_columns(["a", "b"], [["1\n2", "x\ty"], ["3", "\r"]])
    assert capsys.readouterr().out.splitlines() == ["A      B", r"1\n2   x\ty", r"3      \u000d"]


@pytest.mark.parametrize("value", [b"no\nJSON\ttext\x1b[2J", b'"text\x1b"', b'{"id":"\xc2\x9b"}'])
def test_a_record_is_one_line(value: bytes) -> None:
    record = Record(b"k\n\te\x1by", value, OUTPUTS.topic)
    line = show(record, OUTPUTS).line("")
    assert line.count("\t") == 2
    assert "\n" not in line


def test_our_own_tables_may_control_the_terminal() -> None:
    def verb() -> None:
        console().print("[bold]x[/bold]", end="\x1b[0m")

    assert printed(verb)[0].endswith("\x1b[0m")


def test_the_error_of_a_command_is_printable_too(tmp_path: Path) -> None:
    weir = Path(sys.executable).with_name("weir")
    environment = {**os.environ, "WEIR_ALERT_WEBHOOK": "http://x\x1b[2J"}
    done = subprocess.run([weir, "alert-bridge"], env=environment, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"\x1b" not in done.stderr
