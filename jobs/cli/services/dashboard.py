"""The verb `weir dashboard`."""

from __future__ import annotations

import logging
import signal
from threading import Thread
from typing import Annotated

import typer

from jobs.cli.option_groups import Kafka
from jobs.cli.options import refuse_taken, require_extra, waiting
from operators.core.errors import DeploymentError

_PAST_SECONDS = 24 * 3_600.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def dashboard(
    host: Annotated[
        str, typer.Option(help="address to listen on; needs --token unless it is a loopback address")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option(help="port to listen on")] = 8050,
    token: Annotated[
        str,
        typer.Option(help="token that readers must send", envvar="WEIR_DASHBOARD_TOKEN", show_default=False),
    ] = "",
    *,
    kafka: Kafka,
) -> None:
    """Serve a live web page of pipelines, alerts, outliers and drift; needs no Grafana and no internet."""
    with require_extra("dashboard"):
        from werkzeug.serving import make_server

        from jobs.services.dashboard.access import require_host, require_token
        from jobs.services.dashboard.app import Page
        from jobs.services.views.kafka_feed import KafkaFeed
    if host not in _LOOPBACK and not token:
        raise DeploymentError(
            f"a dashboard on {host} is reachable from other machines; set --token, or use --host 127.0.0.1"
        )
    refuse_taken(port)
    feed = KafkaFeed(kafka, _PAST_SECONDS)
    with waiting("reading the pipelines"):
        feed.start()
    name = f"{kafka.topics.prefix}.{kafka.topics.namespace}"
    page = Page(feed, name)
    if token:
        require_token(page.app.server, token)
    else:
        require_host(
            page.app.server, {f"{loopback}:{port}" for loopback in ("127.0.0.1", "localhost", "[::1]")}
        )
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server(host, port, page.app.server, threaded=True)
    print(f"listening on http://{host}:{port}, for {name} at {kafka.bootstrap}", flush=True)

    def stop(*signal_: object) -> None:
        # In another thread: shutdown() waits until serve_forever() returns, which runs in this one.
        Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever()
    feed.close()
