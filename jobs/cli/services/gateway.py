"""The verb `weir gateway`."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli.option_groups import Kafka
from jobs.cli.options import refuse_taken, require_extra


def gateway(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on")] = 8080,
    timeout: Annotated[
        float, typer.Option(help="seconds to wait for a response; then the status is 504")
    ] = 30.0,
    in_flight: Annotated[
        int, typer.Option(help="most requests that wait at the same time; others get 503")
    ] = 1_000,
    *,
    kafka: Kafka,
) -> None:
    """Serve pipelines over HTTP, with Open Inference Protocol V2."""
    with require_extra("gateway"):
        import uvicorn

        from jobs.services.gateway.app import Gateway
    refuse_taken(port)
    app = Gateway(kafka, timeout, in_flight).app()
    config = uvicorn.Config(app, host=host, port=port, log_level="warning")
    with config.bind_socket() as socket:
        socket.listen(config.backlog)
        print(f"listening on http://{host}:{port}, for pipelines at {kafka.bootstrap}", flush=True)
        uvicorn.Server(config).run(sockets=[socket])
