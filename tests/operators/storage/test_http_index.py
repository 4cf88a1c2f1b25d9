"""Folders on a web server, as its index pages list them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from operators.core.errors import DeploymentError
from operators.storage.digest import digest
from operators.storage.fetch import fetch, resolve
from operators.storage.trusted_roots import locate, make_policy
from tests.support.paths import FOLDERS

FOLDER = FOLDERS / "xgboost-binary"

# As Apache's mod_autoindex and nginx's autoindex write them.
APACHE = """<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">
<html><body><h1>Index of /models/income</h1>
<table><tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th></tr>
<tr><td><a href="/models/">Parent Directory</a></td></tr>
<tr><td><a href="model.json">model.json</a></td></tr>
<tr><td><a href="sub/">sub/</a></td></tr></table><address>Apache/2.4</address></body></html>"""
NGINX = """<html><head><title>Index of /models/income/</title></head>
<body><h1>Index of /models/income/</h1><hr><pre>
<a href="../">../</a>
<a href="sub/">sub/</a>                                   27-Nov-2026 10:00                   -
<a href="model.json">model.json</a>                       27-Nov-2026 10:00                 100
</pre><hr></body></html>"""
OTHERS = """<html><body><a href="model.json">here</a><a href="/models/income/sub/">absolute</a>
<a href="http://elsewhere/models/income/x">another server</a><a href="../secret">above</a>
<a href="sub/deep">deeper</a>
<a href="#top">top</a><a href="mailto:me@host">me</a><a href="javascript:void(0)">x</a><a>none</a>
<a href="">self</a>
<a href="%2e%2e/secret">above</a><a href="%2e%2e">above</a><a href="..%2fsecret">above</a>
<a href="http://[">broken</a>
<a href="a%0ab">a line break</a></body></html>"""


class Quiet(SimpleHTTPRequestHandler):
    """Python's own index pages."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Pages(BaseHTTPRequestHandler):
    """Answers each path as `answers` defines; remembers every header that came."""

    answers: dict[str, tuple[int, dict[str, str], bytes]]
    seen: list[dict[str, str]]

    def do_GET(self) -> None:
        self.seen.append(dict(self.headers))
        status, headers, body = self.answers.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(handler: Any) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def folder_served(folder: Path) -> Iterator[str]:
    with serving(functools.partial(Quiet, directory=str(folder))) as url:
        yield url


@contextmanager
def pages(answers: dict[str, tuple[int, dict[str, str], bytes]]) -> Iterator[tuple[str, type[Pages]]]:
    handler = type("Handler", (Pages,), {"answers": answers, "seen": []})
    with serving(handler) as url:
        yield url, handler


def page(text: str) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "text/html; charset=utf-8"}, text.encode()


def test_a_folder_is_copied_whole(tmp_path: Path) -> None:
    nested = tmp_path / "served" / "income"
    (nested / "sub" / "deep").mkdir(parents=True)
    for name in ("model.json", "a b+c.txt", "ä&é.txt", "sub/x.npy", "sub/deep/y%20.json"):
        (nested / name).write_text(name)
    with folder_served(tmp_path / "served") as url:
        found = resolve(f"{url}/income", None, make_policy("", str(tmp_path / "cache")))
        assert found.digest == digest(nested)
        origin = locate(f"{url}/income/", make_policy("", ""))
        assert fetch(origin, found.digest, tmp_path / "another cache") != found.folder


def test_a_name_in_the_uri_may_be_encoded(tmp_path: Path) -> None:
    (tmp_path / "served" / "my models").mkdir(parents=True)
    (tmp_path / "served" / "my models" / "model.json").write_text("{}")
    with folder_served(tmp_path / "served") as url:
        for name in ("my%20models", "my models"):
            found = resolve(f"{url}/{name}", None, make_policy("", str(tmp_path / "cache")))
            assert [file.name for file in found.folder.iterdir()] == ["model.json"]


@pytest.mark.parametrize("index", [APACHE, NGINX, OTHERS])
def test_only_links_directly_below_are_followed(index: str, tmp_path: Path) -> None:
    answers = {
        "/models/income/": page(index),
        "/models/income/model.json": (200, {}, b"{}"),
        "/models/income/sub/": page('<a href="x">x</a><a href="/models/income/">up</a>'),
        "/models/income/sub/x": (200, {}, b"x"),
    }
    with pages(answers) as (url, _):
        found = resolve(f"{url}/models/income", None, make_policy("", str(tmp_path / "cache")))
    names = sorted(file.relative_to(found.folder).as_posix() for file in found.folder.rglob("*"))
    assert names == ["model.json", "sub", "sub/x"]


FILE = page('<a href="model.json">x</a>')


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({}, r"cannot be listed: .*/m/ answers 404"),
        ({"/m/": (403, {}, b"")}, r"cannot be listed: .*/m/ answers 403"),
        (
            {"/m/": (200, {"Content-Type": "application/json"}, b"[]")},
            "is not an index page, but application/js",
        ),
        ({"/m/": page("<html>nothing</html>")}, "contains no file"),
        ({"/m/": FILE}, r"cannot be read: .*/m/model.json answers 404"),
        ({"/m/": FILE, "/m/model.json": (200, {"Content-Length": "100"}, b"half")}, "ends after 4 of 100"),
        ({"/m/": (302, {"Location": "http://localhost:1/m/"}, b"")}, "does not answer|leads to"),
        ({f"/m/{'n/' * depth}": page('<a href="n/">n</a>') for depth in range(1_002)}, "more than 1000 fo"),
    ],
)
def test_a_server_that_does_not_answer_as_a_folder_does(
    answers: dict[str, tuple[int, dict[str, str], bytes]], message: str, tmp_path: Path
) -> None:
    with pages(answers) as (url, _), pytest.raises(DeploymentError, match=message):
        resolve(f"{url}/m", None, make_policy("", str(tmp_path / "cache")))
    assert not list((tmp_path / "cache").glob("*"))


def test_another_server_is_not_followed_to(tmp_path: Path) -> None:
    with pages({"/m/": FILE, "/m/model.json": (200, {}, b"{}")}) as (other, _):
        moved = {"/m/": (302, {"Location": f"{other}/m/"}, b"")}
        with (
            pages(moved) as (url, _),
            pytest.raises(DeploymentError, match=r"leads to .* another server; use that URL"),
        ):
            resolve(f"{url}/m", None, make_policy("", str(tmp_path / "cache")))


def test_an_address_without_a_server_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"http://127.0.0.1:1/m/ does not answer: .*refused"):
        resolve("http://127.0.0.1:1/m", None, make_policy("", str(tmp_path / "cache")))


@pytest.mark.parametrize(
    "path", ["m/../n", "m/%2e%2e/n", "m//n", "m?x=1", "m#top", "m%3Fx", "./m", "%2e/m", ""]
)
def test_what_names_no_folder_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"must not contain a|write the plain names of the folders"):
        resolve(
            f"http://127.0.0.1:1/{path}" if path else "http://me@127.0.0.1/m",
            None,
            make_policy("", str(tmp_path / "cache")),
        )
