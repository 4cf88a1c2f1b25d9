"""The verb `weir dashboard`."""

from __future__ import annotations

import logging
import os
import signal
from threading import Thread
from typing import Annotated

import typer

from jobs.cli.option_groups import Kafka
from jobs.cli.options import refuse_taken, require_extra, waiting
from jobs.cli.services.server_options import AllowedHost, TlsCert, TlsKey, TokenFile
from jobs.services.access.certificates import server_context, url_of
from jobs.services.access.hosts import AllowedHosts, is_loopback
from jobs.services.access.tokens import read_tokens
from operators.core.errors import DeploymentError

_PAST_SECONDS = 24 * 3_600.0
_TOKEN = "WEIR_DASHBOARD_TOKEN"


def dashboard(
    host: Annotated[
        str, typer.Option(help="address to listen on; needs a token unless it is a loopback address")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on")] = 8050,
    allowed_host: AllowedHost = [],  # noqa: B006
    token_file: TokenFile = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    *,
    kafka: Kafka,
) -> None:
    """Serve a live web page of pipelines, alerts, outliers and drift; needs no Grafana and no internet.

    WEIR_DASHBOARD_TOKEN may hold the token in place of a file.
    """
    with require_extra("dashboard"):
        from jobs.services.dashboard.access import require_own_host, require_token
        from jobs.services.dashboard.app import Page
        from jobs.services.dashboard.server import PageServer
        from jobs.services.views.kafka_feed import KafkaFeed
    tokens, tls = (
        read_tokens(token_file, os.environ.get(_TOKEN, ""), _TOKEN),
        server_context(tls_cert, tls_key),
    )
    if not is_loopback(host) and not tokens:
        raise DeploymentError(
            f"a dashboard on {host} is reachable from other machines; set --token-file or {_TOKEN}, "
            "or use --host 127.0.0.1"
        )
    refuse_taken(port)
    feed = KafkaFeed(kafka, _PAST_SECONDS)
    with waiting("reading the pipelines"):
        feed.start()
    name = f"{kafka.topics.prefix}.{kafka.topics.namespace}"
    page = Page(feed, name)
    require_own_host(page.app.server, AllowedHosts(host, allowed_host))
    if tokens:
        require_token(page.app.server, tokens, port, is_encrypted=tls is not None)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = PageServer(host, port, page.app.server, tls)
    print(f"listening on {url_of(host, port, tls)}, for {name} at {kafka.brokers.servers}", flush=True)

    def stop(*signal_: object) -> None:
        # In another thread: shutdown() waits until serve_forever() returns, which runs in this one.
        Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever()
    feed.close()
