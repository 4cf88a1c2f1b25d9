"""A folder on an HTTP server: the files that its index pages link to, as in rclone's http remote.

Only links to files and folders directly below a page count. Links to its parent, to other servers or with a
query are ignored; Apache's index pages use queries for sorting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html.parser import HTMLParser
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urljoin, urlsplit
from urllib.request import Request

from operators.storage.http_connections import connections
from operators.storage.limits import Allowance

_SECONDS = 60.0
_MOST_PAGES = 1_000
_LONGEST_PAGE = 10_000_000
_BLOCK = 1_000_000


class HttpIndexError(Exception):
    """The response of a server is not that of a folder or file."""


class HttpIndex:
    """The part of fsspec's filesystem interface that Weir uses, on index pages.

    Paths are URLs whose names are not encoded. All errors of the server are `HttpIndexError`; those of an
    exceeded limit are DeploymentError.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def find(self, root: str, allowance: Allowance) -> list[str]:
        """Return the URLs of all files below a URL."""
        files: list[str] = []
        folders, pages = [f"{root.rstrip('/')}/"], 0
        while folders:
            folder = folders.pop()
            pages += 1
            if pages > _MOST_PAGES:
                raise HttpIndexError(
                    f"{root} has more than {_MOST_PAGES} folders; use the model's own folder"
                )
            for name in self._names(folder, allowance):
                if name.endswith("/"):
                    folders.append(f"{folder}{name}")
                else:
                    allowance.take_files()
                    files.append(f"{folder}{name}")
        return sorted(files)

    def get_file(self, url: str, target: str, allowance: Allowance) -> None:
        """Copy a file to a path."""
        copied = 0
        with self._get(url, allowance) as response, open(target, "wb") as file:
            length = response.headers.get("Content-Length")
            allowance.require_bytes(int(length) if length and length.isdecimal() else 0)
            while block := _read(response, _BLOCK, allowance):
                copied += len(block)
                allowance.take_bytes(len(block))
                file.write(block)
        if length is not None and str(copied) != length:
            raise HttpIndexError(f"{url} ends after {copied} of {length} bytes; try again")

    def _names(self, folder: str, allowance: Allowance) -> list[str]:
        """Return the names that a folder's page links to; those of folders end with a slash."""
        with self._get(folder, allowance) as response:
            kind = response.headers.get_content_type()
            if kind != "text/html":
                raise HttpIndexError(
                    f"{folder} is not an index page, but {kind}; enable directory listing on the server"
                )
            page, charset = b"", response.headers.get_content_charset()
            while len(page) < _LONGEST_PAGE and (block := _read(response, _BLOCK, allowance)):
                page += block
        try:
            text = page.decode(charset or "utf-8", "replace")
        except LookupError:
            raise HttpIndexError(f"{folder} is in {charset!r}, which is no known encoding") from None
        return linked_names(folder, text)

    @contextmanager
    def _get(self, url: str, allowance: Allowance) -> Iterator[Any]:
        """Open a URL for as long as the allowance lasts."""
        encoded = _encode(url)
        with connections(allowance.seconds()) as opener:
            try:
                response = opener.open(Request(encoded, headers=dict(self._headers)), timeout=_SECONDS)
            except HTTPError as error:
                error.close()
                raise HttpIndexError(f"{url} answers {error.code} {error.reason}") from error
            except (HTTPException, OSError) as error:
                allowance.seconds()
                raise HttpIndexError(f"{url} does not answer: {error}") from error
            with response:
                # Headers that the deadline has cut look complete.
                allowance.seconds()
                if urlsplit(response.url)[:2] != urlsplit(encoded)[:2]:
                    raise HttpIndexError(f"{url} leads to {response.url}, another server; use that URL")
                yield response


def _read(response: Any, size: int, allowance: Allowance) -> bytes:
    """Read at most `size` bytes as they arrive; empty at the end."""
    try:
        block: bytes = response.read1(size)
    except (HTTPException, OSError) as error:
        allowance.seconds()
        raise HttpIndexError(f"{response.url} does not arrive: {error}") from error
    # A connection that the deadline has ended looks like the end of a file.
    allowance.seconds()
    return block


def linked_names(folder: str, page: str) -> list[str]:
    """Return the names directly below a folder's URL that its page links to.

    Raises HttpIndexError for a page that is no HTML.
    """
    links = _Links()
    try:
        links.feed(page)
    except AssertionError as error:  # Python's parser does not expect some markup
        raise HttpIndexError(f"{folder} is not an index page: {error}") from None
    base = _encode(folder)
    return list(dict.fromkeys(name for link in links.targets if (name := _name_of_link(base, link))))


class _Links(HTMLParser):
    """The targets of a page's links."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the target of `<a href>`."""
        if tag == "a":
            self.targets += [value for name, value in attrs if name == "href" and value]


def _name_of_link(folder: str, link: str) -> str:
    """Return the name of a link's target directly below a folder; empty for any other link."""
    try:
        target, base = urlsplit(urljoin(folder, link)), urlsplit(folder)
    except ValueError:  # not a URL
        return ""
    if target[:2] != base[:2] or target.query or not target.path.startswith(base.path):
        return ""
    name = unquote(target.path.removeprefix(base.path))
    inner = name.removesuffix("/")
    return name if inner not in ("", ".", "..") and "/" not in inner and inner.isprintable() else ""


def _encode(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}/{quote(path)}"
