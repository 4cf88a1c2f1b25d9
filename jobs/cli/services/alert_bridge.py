"""weir alert-bridge."""

from __future__ import annotations

import os
import signal
from threading import Thread
from typing import Annotated

import typer

from jobs.cli.options import Bootstrap, Namespace, Prefix, connection
from jobs.services.alert_bridge.bridge import Bridge
from jobs.services.alert_bridge.receivers import alertmanager as to_alertmanager
from jobs.services.alert_bridge.receivers import parse_headers
from jobs.services.alert_bridge.receivers import webhook as to_webhook
from operators.core.errors import DeploymentError


def alert_bridge(
    alertmanager: Annotated[
        list[str], typer.Option(help="URL of an Alertmanager; several times for several", show_default=False)
    ] = [],  # noqa: B006
    webhook: Annotated[
        list[str], typer.Option(help="URL that takes Alertmanager's webhooks", show_default=False)
    ] = [],  # noqa: B006
    header: Annotated[
        list[str],
        typer.Option(help="NAME: VALUE to send along; WEIR_ALERT_HEADER has one a line", show_default=False),
    ] = [],  # noqa: B006
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Deliver alerts to Alertmanager and to webhooks, each until it has taken them.

    A record that is no alert is skipped and printed. Exit code 1 means that it ended by itself.
    """
    headers = parse_headers([*os.environ.get("WEIR_ALERT_HEADER", "").splitlines(), *header])
    receivers = [to_alertmanager(url, headers) for url in alertmanager]
    receivers += [to_webhook(url, headers) for url in webhook]
    if not receivers:
        raise DeploymentError("name who takes the alerts: --alertmanager URL or --webhook URL")
    where = connection(bootstrap_servers, prefix, namespace)
    bridges = [Bridge(where, receiver, lambda line: print(line, flush=True)) for receiver in receivers]
    threads = [Thread(target=bridge.run) for bridge in bridges]
    asked = False

    def stop(*signal_: object) -> None:
        nonlocal asked
        asked = True
        for bridge in bridges:
            bridge.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"alerts of {where.topics.alerts} at {where.bootstrap}", flush=True)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not asked:
        raise typer.Exit(1)
