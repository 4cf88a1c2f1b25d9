"""The verb `weir gateway`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from jobs.cli.option_groups import Kafka
from jobs.cli.options import refuse_taken, require_extra
from jobs.cli.services.server_options import AllowedHost, TlsCert, TlsKey, TokenFile
from jobs.services.access.certificates import server_context
from jobs.services.access.hosts import is_loopback
from jobs.services.access.tokens import read_tokens

_TOKEN = "WEIR_GATEWAY_TOKEN"


def gateway(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on")] = 8080,
    timeout: Annotated[
        float, typer.Option(help="seconds to wait for a response; then the status is 504")
    ] = 30.0,
    in_flight: Annotated[
        int, typer.Option(help="most requests that wait at the same time; others get 503")
    ] = 1_000,
    connections: Annotated[int, typer.Option(min=1, help="most open connections; others get 503")] = 1_000,
    rate: Annotated[
        float,
        typer.Option(min=0, help="most requests a second of each client; others get 429; 0: no limit"),
    ] = 0.0,
    trusted_proxy: Annotated[
        list[str],
        typer.Option(help="address of a proxy whose X-Forwarded-For names the client; repeatable"),
    ] = [],  # noqa: B006
    allowed_host: AllowedHost = [],  # noqa: B006
    token_file: TokenFile = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    *,
    kafka: Kafka,
) -> None:
    """Serve pipelines over HTTP, with Open Inference Protocol V2.

    WEIR_GATEWAY_TOKEN may hold the token in place of a file.
    """
    with require_extra("gateway"):
        import uvicorn

        from jobs.services.gateway.app import Gateway
        from jobs.services.gateway.connection_limits import ConnectionLimits
        from jobs.services.gateway.server import Exposure, server_config
    tokens = read_tokens(token_file, os.environ.get(_TOKEN, ""), _TOKEN)
    exposure = Exposure(
        host,
        port,
        allowed_host,
        tokens,
        rate,
        server_context(tls_cert, tls_key),
        trusted_proxy,
        ConnectionLimits(connections),
    )
    refuse_taken(port)
    if not tokens and not is_loopback(host):
        print(
            f"warning: everyone who reaches {host} may send requests; set --token-file, or use a proxy",
            file=sys.stderr,
        )
    config = server_config(Gateway(kafka, timeout, in_flight).app(), exposure)
    with config.bind_socket() as socket:
        socket.listen(config.backlog)
        print(f"listening on {exposure.url}, for pipelines at {kafka.brokers.servers}", flush=True)
        uvicorn.Server(config).run(sockets=[socket])
