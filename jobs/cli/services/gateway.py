"""weir gateway."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli.options import Bootstrap, Namespace, Prefix, connection, refuse_taken
from operators.core.errors import DeploymentError


def gateway(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on")] = 8080,
    timeout: Annotated[float, typer.Option(help="seconds an answer may take, then 504")] = 30.0,
    in_flight: Annotated[int, typer.Option(help="how many requests may wait at a time, then 503")] = 1_000,
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Serve Open Inference Protocol V2 over HTTP in front of the topics."""
    try:
        import uvicorn

        from jobs.services.gateway.app import Gateway
    except ImportError:
        raise DeploymentError("weir gateway needs an extra: pip install 'weir[gateway]'") from None
    refuse_taken(port)
    where = connection(bootstrap_servers, prefix, namespace)
    app = Gateway(where, timeout, in_flight).app()
    config = uvicorn.Config(app, host=host, port=port, log_level="warning")
    with config.bind_socket() as bound:
        bound.listen(config.backlog)
        print(f"listening on http://{host}:{port}, for pipelines at {where.bootstrap}", flush=True)
        uvicorn.Server(config).run(sockets=[bound])
