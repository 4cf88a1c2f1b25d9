"""weir status."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from jobs.cli.options import Bootstrap, Namespace, Prefix, connection
from jobs.stack.layout import home
from jobs.stack.stack import find
from operators.control import read_control
from operators.errors import DeploymentError
from operators.releases import Release


def status(
    bootstrap_servers: Bootstrap = "", prefix: Prefix = "weir", namespace: Namespace = "default"
) -> None:
    """Show pipelines and models that were applied, and the jobs of the local cluster."""
    stack = find(home())
    jobs = (stack.cluster.rest("/jobs/overview") or {}).get("jobs", []) if stack else []
    try:
        control = read_control(connection(bootstrap_servers, prefix, namespace))
    except Exception as error:  # the client raises many kinds; all mean that Kafka does not answer
        raise DeploymentError(f"Kafka does not answer: {error}") from None
    pipelines = Table("pipeline", "generation", "steps", "created")
    for release in control.live():
        steps = ", ".join(release.artifacts)
        pipelines.add_row(release.name, str(release.generation), steps, release.created_at)
    running = Table("job", "id", "state")
    for job in jobs:
        running.add_row(job["name"], job["jid"], job["state"])
    console = Console()
    console.print(pipelines)
    console.print(_models(control.live()))
    console.print(running if stack else f"no local cluster is up in {home()}")


def _models(releases: list[Release]) -> Table:
    """List every model with what loading it was measured to take, beside what its manifest declares."""
    table = Table("model", "of", "runtime", "memory", "declared", "digest")
    for release in releases:
        declared = {model["metadata"]["name"]: model["spec"].get("memory", "") for model in release.models}
        for name, one in release.artifacts.items():
            memory = f"{one.memory / 1024**2:.1f} MiB"
            digest = one.digest.removeprefix("sha256:")[:12]
            table.add_row(name, release.name, one.runtime, memory, str(declared[name]), digest)
    return table
