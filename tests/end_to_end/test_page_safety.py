"""Names and texts that are scripts, on the live page and in a report, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import time
from typing import Any

import msgspec
import pytest
from kafka import KafkaProducer

from jobs.kafka.admin import create_control, create_topics
from jobs.services.access.hosts import AllowedHosts
from jobs.services.access.tokens import Tokens
from jobs.services.dashboard.access import require_own_host, require_token
from jobs.services.dashboard.app import Page
from jobs.services.views import html_report
from jobs.services.views.kafka_feed import KafkaFeed
from operators.control.release import Head
from operators.core.timestamps import iso_milliseconds
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics
from operators.metrics.tally import BOUNDS, StepTally, Tally
from operators.windows.rate_windows import Rates
from tests.corpus.records import good_alert, good_outlier, good_report
from tests.end_to_end.deployment import await_true
from tests.end_to_end.test_page import release
from tests.operators.control.test_bad_records import encoded
from tests.support.broker import Broker
from tests.support.browser import Browser, browser
from tests.support.http_servers import page_server

TOPICS = Topics("weir", "hostile")
RUN = "window.pwned=1"
EVIL = f"""'"></script><script>{RUN}</script><img src=x onerror={RUN}><a href="javascript:{RUN}">evil</a>"""
# What there is on the page if a text became part of it; no text of ours has an image or such a link.
_INJECTED = """
const found = document.querySelectorAll('img[src="x"], [onerror], a[href^="javascript"], svg a');
for (const one of document.querySelectorAll('a')) if (one.textContent.includes('evil')) one.click();
return [window.pwned ?? null, [...found].map(one => one.outerHTML)];
"""
TOKEN = "0123456789abcdef"


def rates(now: int) -> bytes:
    buckets = [0] * (len(BOUNDS) + 1)
    buckets[6] = 10
    step = StepTally(10, 1, 1_000, list(buckets), 3, {EVIL: {"missing": 2}})
    tally = Tally(10, 1, 500, buckets, {}, {"o": step})
    return Rates("p", 1, iso_milliseconds(now - 10_000), iso_milliseconds(now), BOUNDS, tally).encode()


def report(now: int) -> bytes:
    text = msgspec.json.encode(good_report()).decode()
    body: dict[str, Any] = msgspec.json.decode(text.replace('"age"', msgspec.json.encode(EVIL).decode()))
    body["parameters"] |= {"closed_at": iso_milliseconds(now - 5_000), "step": "d"}
    return encoded(body)


@pytest.fixture(scope="module")
def feed(broker: Broker) -> Iterator[KafkaFeed]:
    connection, now = Connection(broker.brokers, TOPICS), int(time() * 1000)
    create_control(connection)
    reports = TOPICS.model_outputs("d")
    create_topics(broker.brokers, [reports, TOPICS.errors, TOPICS.outliers], partitions=1)
    alert, outlier = good_alert(), good_outlier()
    alert["labels"] |= dict.fromkeys(("alertname", "severity", "step"), EVIL)
    alert["annotations"] = {"summary": EVIL, "features": EVIL, "runbook_url": f"javascript:{RUN}//evil"}
    outlier |= {
        "step": EVIL,
        "timestamp": now,
        "features": [{"column": EVIL, "contribution": 0.4, "value": 9.0}],
    }
    letter = {
        "__connect.errors.topic": TOPICS.inputs("p"),
        "__connect.errors.partition": "0",
        "__connect.errors.offset": "1",
        "__connect.errors.exception.class.name": EVIL,
        "__connect.errors.exception.message": EVIL,
        "pipeline": "p",
    }
    with KafkaProducer(**broker.brokers.options()) as producer:
        producer.send(TOPICS.control, key=b"release/p/1", value=msgspec.json.encode(release(1, EVIL)))
        producer.send(TOPICS.control, key=b"head/p", value=msgspec.json.encode(Head(1)))
        producer.send(TOPICS.rates, key=b"p", value=rates(now))
        producer.send(reports, key=b"p/d", value=report(now))
        producer.send(TOPICS.alerts, value=encoded(alert))
        producer.send(TOPICS.outliers, key=b"p", value=encoded(outlier))
        headers = [(name, text.encode()) for name, text in letter.items()]
        producer.send(TOPICS.errors, key=EVIL.encode(), value=EVIL.encode(), headers=headers)
    feed = KafkaFeed(connection, 3_600.0)
    feed.start()
    await_true(
        lambda: not feed.failure and bool(feed.board.dead_letters("p")), "the feed has read everything"
    )
    yield feed
    feed.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as page:
        yield page


def assert_harmless(chromium: Browser) -> None:
    pwned, injected = chromium.script(_INJECTED)
    assert (pwned, injected) == (None, [])
    assert chromium.script("return window.pwned ?? null") is None


def test_the_live_page_shows_scripts_as_text_behind_its_form(feed: KafkaFeed, chromium: Browser) -> None:
    app = Page(feed, "weir").app.server
    require_own_host(app, AllowedHosts("127.0.0.1"))
    require_token(app, Tokens([TOKEN]), 1, is_encrypted=False)
    with page_server(app) as port:
        url = f"http://127.0.0.1:{port}/"
        chromium.open(url)
        chromium.script(f"document.querySelector('input').value = '{TOKEN}'")
        chromium.script("document.querySelector('button').click()")
        chromium.until(lambda: "evil" in chromium.text("letters"), "the page behind the form")
        chromium.until(lambda: "Window 3 of d" in chromium.text("which"), "the window")
        chromium.until(
            lambda: chromium.script("return document.querySelectorAll('.main-svg').length") >= 14, "pictures"
        )
        for part in ("alerts", "letters", "flagged", "versions"):
            assert "<script>" in chromium.text(part), part
        assert "runbook" not in chromium.text("alerts")
        assert "evil" in chromium.script("return document.querySelector('#histograms').textContent")
        assert "token" not in chromium.script("return document.cookie")
        assert_harmless(chromium)
        errors = [one for one in chromium.errors() if "(UNAUTHORIZED)" not in one]  # those of the form
        assert errors == [], "nothing that the page needs is blocked"
        assert all(
            one.startswith(url) for one in chromium.fetched() if not one.startswith(("data:", "blob:"))
        )


def test_an_inline_script_does_not_run_on_the_live_page(feed: KafkaFeed, chromium: Browser) -> None:
    """The second line of defence, if a text became part of the page."""
    app = Page(feed, "weir").app.server
    with page_server(app) as port:
        chromium.open(f"http://127.0.0.1:{port}/")
        chromium.until(lambda: "evil" in chromium.text("letters"), "the page")
        chromium.script(f"""
            document.body.insertAdjacentHTML('beforeend', '<img src="data:x" onerror="{RUN}">');
            const script = document.createElement('script');
            script.textContent = '{RUN}';
            document.body.append(script);
        """)
        chromium.until(lambda: "Content Security Policy" in str(chromium.errors()), "a report of the browser")
        assert chromium.script("return window.pwned ?? null") is None


def test_a_report_shows_scripts_as_text(feed: KafkaFeed, chromium: Browser, tmp_path: Path) -> None:
    shown = feed.releases()["p"]
    path = tmp_path / "report.html"
    path.write_text(html_report.write(shown, feed.history("p"), feed.board, time() - 3_600, time()), "utf-8")
    chromium.open(path.as_uri())
    chromium.until(
        lambda: chromium.script("return document.querySelectorAll('.main-svg').length"), "pictures"
    )
    assert "<script>" in chromium.all_text()
    assert_harmless(chromium)
