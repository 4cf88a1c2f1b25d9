"""Receivers that are slow, and what is printed of those that have secrets in their URLs."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event, Thread
from time import monotonic

import pytest

from jobs.services.alert_bridge.receiver_urls import parse_headers, parse_url
from jobs.services.alert_bridge.receivers import (
    Receiver,
    RefusedError,
    UnreachableError,
    alertmanager,
    webhook,
)
from operators.alerts.alert import read_alert
from operators.core.errors import DeploymentError
from tests.corpus.records import good_alert
from tests.operators.control.test_bad_records import encoded

ALERT = read_alert(encoded(good_alert()))
SLACK = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXX"


@contextmanager
def answering(answer: Callable[[socket.socket, Event], None]) -> Iterator[tuple[int, list[bytes]]]:
    """Run a server that reads a request, then does `answer`; yield its port and the requests."""
    stopped, requests = Event(), list[bytes]()
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client, suppress(OSError):
                        requests.append(client.recv(65_536))
                        answer(client, stopped)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], requests
        finally:
            stopped.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(30)
            assert not thread.is_alive(), "the bridge keeps its connection"


def dripping(client: socket.socket, stopped: Event) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while not stopped.wait(0.05):
        client.sendall(b"x")


def silent(client: socket.socket, stopped: Event) -> None:
    stopped.wait(30)


def replying(reply: bytes) -> Callable[[socket.socket, Event], None]:
    return lambda client, stopped: client.sendall(reply)


@pytest.mark.parametrize(("scheme", "answer"), [("http", dripping), ("http", silent), ("https", silent)])
def test_a_slow_receiver_holds_a_delivery_only_to_its_deadline(
    scheme: str, answer: Callable[[socket.socket, Event], None]
) -> None:
    with answering(answer) as (port, _):
        to = parse_url("--webhook", f"{scheme}://127.0.0.1:{port}/", {})
        start = monotonic()
        with pytest.raises(UnreachableError, match="no complete response within"):
            Receiver(to, lambda alert: {}, 0.5).deliver(ALERT)
        assert monotonic() - start < 3


def test_an_error_whose_text_does_not_end_has_a_deadline_too() -> None:
    def answer(client: socket.socket, stopped: Event) -> None:
        client.sendall(b"HTTP/1.1 400 No\r\nContent-Length: 1000\r\n\r\n")
        while not stopped.wait(0.05):
            client.sendall(b"x")

    with answering(answer) as (port, _):
        receiver = Receiver(parse_url("--webhook", f"http://127.0.0.1:{port}/", {}), lambda alert: {}, 0.5)
        with pytest.raises(UnreachableError, match="no complete response within"):
            receiver.deliver(ALERT)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (f"https://hooks.slack.com{SLACK}", "https://hooks.slack.com/(redacted) ["),
        ("http://ana:s3cret-word@host:81/?token=s3cret-word", "http://host:81/(redacted) ["),
        ("http://host:81", "http://host:81"),
    ],
)
def test_a_place_has_no_secret(url: str, place: str) -> None:
    shown = webhook(url, {}).to.place
    assert shown.startswith(place)
    assert "s3cret" not in shown
    assert "XXX" not in shown
    assert alertmanager("http://u:p@host:9093/", {}).to.place == "http://host:9093/api/v2/alerts"


def test_texts_of_a_receiver_are_one_line_without_secrets() -> None:
    reply = f"HTTP/1.1 400 No\r\n\r\nno {SLACK}?k=v for Bearer t0ken-word\x1b[31m".encode()
    with answering(replying(reply)) as (port, _):
        receiver = webhook(f"http://127.0.0.1:{port}{SLACK}", {"Authorization": "Bearer t0ken-word"})
        with pytest.raises(RefusedError) as refused:
            receiver.deliver(ALERT)
    assert "XXX" not in str(refused.value)
    assert "t0ken" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_a_redirect_is_printed_without_its_path() -> None:
    reply = b"HTTP/1.1 307 Moved\r\nLocation: https://other:8443/s3cret?t=s3cret\r\n\r\n"
    with answering(replying(reply)) as (port, _), pytest.raises(UnreachableError) as failed:
        webhook(f"http://127.0.0.1:{port}/", {}).deliver(ALERT)
    assert "redirects to another URL on https://other:8443;" in str(failed.value)


def test_a_user_of_a_url_is_sent_as_a_header() -> None:
    with answering(replying(b"HTTP/1.1 200 OK\r\n\r\n")) as (port, requests):
        webhook(f"http://ana:p%40ss@127.0.0.1:{port}/a", {}).deliver(ALERT)
    assert requests[0].startswith(b"POST /a HTTP/1.1")
    assert b"Authorization: Basic " + base64.b64encode(b"ana:p@ss") in requests[0]


@pytest.mark.parametrize(
    "url",
    ["http://u:s3cret@é/", "http://x:99999/s3cret", "ftp://s3cret@x/s3cret", "http://h/s3cret\n", "s3cret/x"],
)
def test_a_refused_url_or_header_does_not_show_its_secret(url: str) -> None:
    with pytest.raises(DeploymentError, match="--webhook") as refused:
        webhook(url, {})
    assert "s3cret" not in str(refused.value)
    for header in ("Authorization: s3cret\x00", "s3cret", "Authorization : s\u0117cret", "Host: s3cret"):
        with pytest.raises(DeploymentError, match="header 2") as refused:
            parse_headers(["X: 1", header])
        assert "s3cret" not in str(refused.value)
