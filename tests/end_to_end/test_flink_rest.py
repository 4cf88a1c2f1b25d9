"""What a page from elsewhere, in a browser of this machine's user, may do with Flink's REST interface."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from jobs.local_stack.stack import Stack


def ask(stack: Stack, method: str, path: str) -> tuple[int, str]:
    """Return the status, and the origin whose pages may read the answer."""
    headers = {"Origin": "http://elsewhere.example"}
    request = urllib.request.Request(f"{stack.cluster.rest.url}{path}", method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers.get("Access-Control-Allow-Origin", "")
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Access-Control-Allow-Origin", "")


def test_only_pages_of_flink_itself_may_read_answers(stack: Stack) -> None:
    assert ask(stack, "GET", "/overview") == (200, stack.cluster.rest.url)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/jars/upload"), ("GET", "/jars"), ("POST", "/jars/x.jar/run")]
)
def test_no_jar_can_be_uploaded_or_run(stack: Stack, method: str, path: str) -> None:
    assert ask(stack, method, path)[0] == 404
