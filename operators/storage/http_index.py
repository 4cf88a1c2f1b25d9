"""A folder on an HTTP server: the files that its index pages link to, as rclone's http remote reads them.

Of a page only links to what lies directly below it count: not those to its parent, to other servers, or
with a query, by which Apache's pages sort themselves.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urljoin, urlsplit
from urllib.request import Request, urlopen

_SECONDS = 60.0
_MOST_PAGES = 1_000
_LONGEST_PAGE = 10_000_000


class HttpIndexError(Exception):
    """A server does not answer as a folder does."""


class HttpIndex:
    """What is asked of an fsspec filesystem, over index pages; paths are URLs whose names are not encoded."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def find(self, root: str) -> list[str]:
        """List every file below a URL."""
        files: list[str] = []
        folders, seen = [f"{root.rstrip('/')}/"], 0
        while folders:
            folder = folders.pop()
            seen += 1
            if seen > _MOST_PAGES:
                raise HttpIndexError(f"{root} has more than {_MOST_PAGES} folders: name the model's own")
            for name in self._names(folder):
                (folders if name.endswith("/") else files).append(f"{folder}{name}")
        return sorted(files)

    def get_file(self, url: str, target: str) -> None:
        """Copy a file to a path."""
        with self._get(url) as answer, open(target, "wb") as file:
            shutil.copyfileobj(answer, file)
            length, copied = answer.headers.get("Content-Length"), file.tell()
        if length is not None and copied != int(length):
            raise HttpIndexError(f"{url} ends after {copied} of {length} bytes")

    def _names(self, folder: str) -> Iterator[str]:
        """Yield the names that a folder's page links to; those of folders end with a slash."""
        with self._get(folder) as answer:
            kind = answer.headers.get_content_type()
            if kind != "text/html":
                raise HttpIndexError(
                    f"{folder} is no index page, but {kind}: let the server list its folders"
                )
            page = answer.read(_LONGEST_PAGE).decode(
                answer.headers.get_content_charset() or "utf-8", "replace"
            )
        links = _Links()
        links.feed(page)
        yield from dict.fromkeys(name for link in links.found if (name := _name(_encoded(folder), link)))

    def _get(self, url: str) -> Any:
        encoded = _encoded(url)
        try:
            answer = urlopen(Request(encoded, headers=dict(self._headers)), timeout=_SECONDS)
        except HTTPError as error:
            error.close()
            raise HttpIndexError(f"{url} answers {error.code} {error.reason}") from error
        except OSError as error:
            raise HttpIndexError(f"{url} does not answer: {error}") from error
        if urlsplit(answer.url)[:2] != urlsplit(encoded)[:2]:
            answer.close()
            raise HttpIndexError(f"{url} leads to {answer.url}, another server: name that one")
        return answer


class _Links(HTMLParser):
    """The targets of a page's links."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the target of `<a href>`."""
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def _name(folder: str, link: str) -> str:
    """Return the name that a link gives to what lies directly below a folder; empty for any other link."""
    try:
        target, base = urlsplit(urljoin(folder, link)), urlsplit(folder)
    except ValueError:  # no URL at all
        return ""
    if target[:2] != base[:2] or target.query or not target.path.startswith(base.path):
        return ""
    name = unquote(target.path.removeprefix(base.path))
    inner = name.removesuffix("/")
    return name if inner not in ("", ".", "..") and "/" not in inner and inner.isprintable() else ""


def _encoded(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}/{quote(path)}"
