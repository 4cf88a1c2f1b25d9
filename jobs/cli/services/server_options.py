"""Options of the verbs that serve HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AllowedHost = Annotated[
    list[str],
    typer.Option(
        help="further name under which clients may address the server, or * for all; repeatable  "
        "[default: loopback names and --host]",
        show_default=False,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(help="file with the tokens that clients may send, one a line", show_default=False),
]
TlsCert = Annotated[
    Path | None, typer.Option(help="PEM file of the certificate; serves HTTPS", show_default=False)
]
TlsKey = Annotated[
    Path | None, typer.Option(help="PEM file of the certificate's private key", show_default=False)
]
