"""The entry point of the `weir` command."""

from __future__ import annotations

import sys

from operators.core.errors import DeploymentError
from operators.core.printable import printable


def main() -> None:
    """Run the command line; a DeploymentError is printed without a traceback, with exit code 1."""
    from jobs.cli.app import app

    try:
        app()
    except DeploymentError as error:
        print(printable(f"error: {error}"), file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
