"""weir get, weir delete."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer
import yaml
from rich.console import Console
from rich.table import Table

from jobs.cli.options import Bootstrap, Namespace, Prefix, connection
from jobs.releasing.applying import documents
from jobs.releasing.deleting import delete as take_back
from jobs.releasing.deleting import parse_resource
from operators.control import read_control
from operators.errors import DeploymentError
from operators.releases import Control


def get(
    name: Annotated[str, typer.Argument(help="a pipeline, or pipeline/NAME, model/NAME, monitor/NAME")] = "",
    output: Annotated[str, typer.Option("-o", "--output", help="table, yaml or json")] = "",
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """List what was applied, or print one document as it is live."""
    control = read_control(connection(bootstrap_servers, prefix, namespace))
    found = documents(control)
    if name:
        kind, wanted = parse_resource(name)
        key = f"{kind.capitalize()}/{wanted}"
        if key not in found:
            there = ", ".join(sorted(found)) or "nothing"
            raise DeploymentError(f"there is no {kind} {wanted}; there is {there}")
        _print([found[key]], output or "yaml", control)
    else:
        _print(list(found.values()), output or "table", control)


def delete(
    names: Annotated[list[str], typer.Argument(help="pipelines, or pipeline/NAME, model/NAME, monitor/NAME")],
    topics: Annotated[bool, typer.Option("--topics", help="delete the topics of pipelines too")] = False,
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """Take resources back. Running jobs close the windows of a deleted pipeline.

    Its releases stay, so that `weir rollback` brings it back; its topics stay too, unless --topics.
    """
    resources = [parse_resource(name) for name in names]
    gone = take_back(resources, connection(bootstrap_servers, prefix, namespace), topics=topics)
    for resource in resources:
        print(f"{resource.kind} {resource.name} deleted")
    for topic in gone:
        print(f"topic {topic} deleted")


def _print(found: list[dict[str, Any]], output: str, control: Control) -> None:
    if output == "yaml":
        print(yaml.safe_dump_all(found, sort_keys=False), end="")
    elif output == "json":
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    elif output == "table":
        Console().print(_table(found, control))
    else:
        raise DeploymentError(f"--output must be table, yaml or json, got {output!r}")


def _table(found: list[dict[str, Any]], control: Control) -> Table:
    table = Table("kind", "name", "generation", "of", box=None)
    for document in sorted(found, key=lambda one: (one["kind"] == "Model", one["metadata"]["name"])):
        kind, name = document["kind"], document["metadata"]["name"]
        generation = str(control.heads[name]) if kind == "Pipeline" else ""
        users = [one.name for one in control.live() if name in one.artifacts] if kind == "Model" else []
        of = document["spec"]["pipeline"] if kind == "Monitor" else ", ".join(users)
        table.add_row(kind, name, generation, of)
    return table
