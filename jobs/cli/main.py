"""The entry of the `weir` command."""

from __future__ import annotations

import sys

from operators.core.errors import DeploymentError


def main() -> None:
    """Run the command line; an error that Weir worded itself is printed plainly, with exit code 1."""
    from jobs.cli.app import app

    try:
        app()
    except DeploymentError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
