"""The verb `weir alert-bridge`."""

from __future__ import annotations

import os
import signal
from threading import Thread
from typing import Annotated

import typer

from jobs.cli.option_groups import Kafka
from jobs.services.alert_bridge.bridge import Bridge
from jobs.services.alert_bridge.receiver_urls import parse_headers
from jobs.services.alert_bridge.receivers import alertmanager as to_alertmanager
from jobs.services.alert_bridge.receivers import webhook as to_webhook
from operators.core.errors import DeploymentError


def alert_bridge(
    alertmanager: Annotated[
        list[str],
        typer.Option(
            help="URL of an Alertmanager; repeatable", envvar="WEIR_ALERT_ALERTMANAGER", show_default=False
        ),
    ] = [],  # noqa: B006
    webhook: Annotated[
        list[str],
        typer.Option(
            help="URL of a receiver of Alertmanager's webhooks; repeatable",
            envvar="WEIR_ALERT_WEBHOOK",
            show_default=False,
        ),
    ] = [],  # noqa: B006
    header: Annotated[
        list[str],
        typer.Option(
            help="HTTP header NAME: VALUE to send; repeatable  [env var: WEIR_ALERT_HEADER, one per line]",
            show_default=False,
        ),
    ] = [],  # noqa: B006
    *,
    kafka: Kafka,
) -> None:
    """Deliver alerts to Alertmanagers and webhooks; retry each alert until it is accepted or refused.

    A record that is not an alert is skipped, with a message. Exit code 1 means that the bridge stopped
    without a signal.
    """
    headers = parse_headers([*os.environ.get("WEIR_ALERT_HEADER", "").splitlines(), *header])
    receivers = [to_alertmanager(url, headers) for url in alertmanager]
    receivers += [to_webhook(url, headers) for url in webhook]
    if not receivers:
        raise DeploymentError("no receiver is given; set --alertmanager URL or --webhook URL")
    bridges = [Bridge(kafka, receiver, lambda line: print(line, flush=True)) for receiver in receivers]
    threads = [Thread(target=bridge.run) for bridge in bridges]
    is_stopping = False

    def stop(*signal_: object) -> None:
        nonlocal is_stopping
        is_stopping = True
        for bridge in bridges:
            bridge.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"delivering alerts of {kafka.topics.alerts} at {kafka.brokers.servers}", flush=True)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not is_stopping:
        raise typer.Exit(1)
