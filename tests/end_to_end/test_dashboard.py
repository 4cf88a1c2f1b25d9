"""The live page where there is nothing, nobody, or no token."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from jobs.kafka.admin import create_control
from jobs.local_stack.ports import HOST, free_ports, listens
from jobs.local_stack.stack import Stack, up
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics
from tests.end_to_end.deployment import await_true
from tests.support.broker import Broker
from tests.support.browser import browser
from tests.support.servers import answering, free_port, weir


def test_the_page_shows_that_it_is_empty_and_that_it_lost_its_broker_or_server(tmp_path: Path) -> None:
    own = up(tmp_path / "stack", free_ports(), on_progress=lambda line: None, json_logs=True)
    try:
        assert_logs_are_json(own)
        create_control(Connection(own.brokers, Topics("weir", "default")))
        port = free_port()
        command = ["dashboard", "--port", str(port), "--bootstrap-servers", own.brokers.servers]
        with browser() as page:
            with weir(*command, log=tmp_path / "dashboard.log"):
                answering(f"http://{HOST}:{port}/")
                page.open(f"http://{HOST}:{port}/")
                page.until(lambda: "No pipeline is applied yet" in page.text("banner"), "an empty page")
                own.down()
                page.until(lambda: "Kafka does not answer" in page.text("banner"), "the broker missed")
            page.until(lambda: "does not answer" in page.text("offline"), "the server missed")
    finally:
        own.down()


def assert_logs_are_json(stack: Stack) -> None:
    for name in ("jobmanager.out", "taskmanager.out"):
        lines = (stack.cluster.folder / "log" / name).read_text("utf-8").splitlines()
        entries = [json.loads(line) for line in lines if not line.startswith("Starting ")]
        assert len(entries) > 20
        assert {"time", "level", "logger", "message"} <= set.intersection(*map(set, entries))


def test_others_than_this_machine_need_a_token(broker: Broker, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).parent / "weir"), "dashboard", "--host", "0.0.0.0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "set --token-file or WEIR_DASHBOARD_TOKEN, or use --host 127.0.0.1" in done.stderr

    port, namespace, token = free_port(), "guarded", tmp_path / "token"
    token.write_text("0123456789abcdef\n")
    create_control(Connection(broker.brokers, Topics("weir", namespace)))
    serve = ["dashboard", "--port", str(port), "--namespace", namespace, "--token-file", str(token)]
    url = f"http://{HOST}:{port}"
    with weir(*serve, "--bootstrap-servers", broker.brokers.servers, log=tmp_path / "log"):
        await_true(lambda: listens(port), "it listens")
        for path in ("/", "/?token=0123456789abcdef", "/_dash-layout"):
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(url + path)
        cookies = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with cookies.open(f"{url}/login", b"token=0123456789abcdef") as answer:
            assert answer.url == f"{url}/"
        with cookies.open(f"{url}/_dash-layout") as answer:
            assert answer.status == 200
