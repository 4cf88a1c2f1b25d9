"""A store that sends too much, too many files, or too slowly: the copy ends, and nothing of it is left."""

from __future__ import annotations

import json
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any

import fsspec
import pytest

from operators.core.errors import DeploymentError
from operators.storage.fetch import resolve
from operators.storage.trusted_roots import locate, make_policy
from tests.operators.storage.test_fetch import s3 as _s3
from tests.operators.storage.test_http_index import page, pages, serving

s3 = _s3
MB = 1_000_000
SECONDS = 1.0


def site(cache: Path, url: str, protocol: str = "http", **limits: float) -> Any:
    store = {"protocol": protocol, "limits": limits} | ({"endpoint": url} if protocol == "http" else {})
    return make_policy("", str(cache), json.dumps({"lab": store}))


def assert_ends(cache: Path, url: str, message: str, protocol: str = "http", **limits: float) -> None:
    """A copy fails within seconds, and leaves nothing in the cache."""
    start = monotonic()
    error = rf"lab://mmm{message}.*: use the model's own folder, or set limits\."
    with pytest.raises(DeploymentError, match=error):
        resolve("lab://mmm", None, site(cache, url, protocol, **limits))
    assert monotonic() - start < 15 * SECONDS
    assert [path for path in cache.rglob("*") if path.is_file()] == []
    assert list(cache.glob("half-*")) == []


@contextmanager
def endless(send: Callable[[Any, Event], None]) -> Iterator[str]:
    """A server whose index has one file, which `send` writes until the event is set."""
    is_over = Event()

    class Endless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_index = self.path.endswith("/")
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            if is_index:
                self.wfile.write(b'<a href="model.json">x</a>')
                return
            try:
                send(self.wfile, is_over)
            except OSError:  # the client has left
                return

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with serving(Endless) as url:
        yield url
        is_over.set()


def drip(file: Any, is_over: Event) -> None:
    while not is_over.wait(0.05):
        file.write(b"x")


def flood(file: Any, is_over: Event) -> None:
    while not is_over.is_set():
        file.write(bytes(MB))


def test_a_server_that_sends_a_byte_at_a_time_is_left_at_the_deadline(tmp_path: Path) -> None:
    with endless(drip) as url:
        assert_ends(tmp_path / "cache", url, " does not arrive within", minutes=SECONDS / 60)


def test_a_server_that_never_ends_is_left_at_the_largest_size(tmp_path: Path) -> None:
    with endless(flood) as url:
        assert_ends(tmp_path / "cache", url, r" is larger than 0\.01 GiB", gib=0.01)


@pytest.mark.parametrize(
    ("scheme", "sent"),
    [("https", b""), ("http", b""), ("http", b"H"), ("http", b"HTTP/1.1 200 OK\r\nX: ")],
)
def test_a_server_that_does_not_finish_its_answer_is_left_at_the_deadline(
    tmp_path: Path, scheme: str, sent: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    kept.append(server.accept()[0])
                    kept[-1].sendall(sent)
            except OSError:  # the test is over
                return

        thread = Thread(target=accept)
        thread.start()
        try:
            url = f"{scheme}://127.0.0.1:{server.getsockname()[1]}"
            assert_ends(tmp_path / "cache", url, " does not arrive within", minutes=SECONDS / 60)
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in kept:
                connection.close()


def test_a_length_that_is_too_large_is_refused_before_a_byte_of_it(tmp_path: Path) -> None:
    answers = {"/mmm/": page('<a href="x">x</a>'), "/mmm/x": (200, {"Content-Length": str(2**40)}, b"x")}
    with pages(answers) as (url, _):
        assert_ends(tmp_path / "cache", url, " is larger than 20 GiB")


@pytest.mark.parametrize("folders", [False, True])
def test_a_folder_of_too_many_files_is_refused(tmp_path: Path, folders: bool) -> None:
    links = "".join(f'<a href="{i}">x</a>' for i in range(6))
    answers = {"/mmm/": page(links + '<a href="sub/">x</a>' * folders), "/mmm/sub/": page(links)}
    with pages(answers) as (url, _):
        assert_ends(tmp_path / "cache", url, " has more than 5 files", files=5)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"files": 2}, " has more than 2 files"),
        ({"gib": 0.001}, r" is larger than 0\.001 GiB"),
        ({"minutes": 0.0001}, " does not arrive within"),
    ],
)
def test_a_bucket_has_the_same_limits(
    s3: str, tmp_path: Path, limits: dict[str, float], message: str
) -> None:
    filesystem = fsspec.filesystem("s3", skip_instance_cache=True)
    if not filesystem.exists("mmm"):
        filesystem.mkdir("mmm")
        for i in range(3):
            filesystem.pipe(f"mmm/{i}.bin", bytes(400_000))
    assert_ends(tmp_path / "cache", s3, message, "s3", **limits)
    found = resolve("lab://mmm", None, site(tmp_path / "cache", s3, "s3", files=3, gib=0.0012))
    assert len(list(found.folder.iterdir())) == 3


@pytest.mark.parametrize("name", ["a/../../b", "a\x1bb"])
def test_a_name_that_is_no_plain_name_is_not_copied(s3: str, tmp_path: Path, name: str) -> None:
    import boto3

    bucket = f"names-{zlib.crc32(name.encode())}"
    client = boto3.client("s3")
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key=f"m/{name}", Body=b"x")
    with pytest.raises(DeploymentError, match=r"leads out of the folder|is no plain name of a file"):
        resolve(f"s3://{bucket}/m", None, make_policy("", str(tmp_path / "cache")))


def test_limits_are_no_part_of_a_trusted_root() -> None:
    roots = {
        locate("lab://m/x", make_policy("lab://m", "", json.dumps({"lab": {"protocol": "s3", **more}}))).root
        for more in ({}, {"limits": {"files": 5}})
    }
    assert len(roots) == 1
    assert None not in roots
