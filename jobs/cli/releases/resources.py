"""weir get, weir delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import typer
import yaml

from jobs.cli.options import Bootstrap, Namespace, Prefix, connection
from jobs.cli.text_table import print_columns
from jobs.releases.apply import documents
from jobs.releases.delete import KINDS, parse_resource
from jobs.releases.delete import delete as take_back
from operators.control.control_state import ControlState
from operators.control.control_topic import read_control
from operators.core.errors import DeploymentError


def get(
    name: Annotated[str, typer.Argument(help="its name; of several, the pipeline, or KIND/NAME")] = "",
    output: Annotated[str, typer.Option("-o", "--output", help="table, yaml or json")] = "",
    bootstrap_servers: Bootstrap = "",
    prefix: Prefix = "weir",
    namespace: Namespace = "default",
) -> None:
    """List what was applied, or print one document as it is live."""
    control = read_control(connection(bootstrap_servers, prefix, namespace))
    found = documents(control)
    if name:
        _print([_one(name, found)], output or "yaml", control)
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


def _one(name: str, found: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    kind, wanted = parse_resource(name)
    for one in (kind,) if "/" in name else KINDS:
        if document := found.get(f"{one.capitalize()}/{wanted}"):
            return document
    what = f"{kind} {wanted}" if "/" in name else f"document {name}"
    raise DeploymentError(f"there is no {what}; there is {', '.join(sorted(found)) or 'nothing'}")


def _print(found: list[dict[str, Any]], output: str, control: ControlState) -> None:
    if output == "yaml":
        print(yaml.safe_dump_all(found, sort_keys=False), end="")
    elif output == "json":
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    elif output == "table":
        _list(found, control)
    else:
        raise DeploymentError(f"--output must be table, yaml or json, got {output!r}")


def _list(found: list[dict[str, Any]], control: ControlState) -> None:
    artifacts = {name: artifact for one in control.live() for name, artifact in one.artifacts.items()}
    artifacts |= {name: one.artifact for name, one in control.models.items()}
    rows = []
    for document in sorted(found, key=lambda one: (one["kind"] == "Model", one["metadata"]["name"])):
        kind, name = document["kind"], document["metadata"]["name"]
        if kind == "Model":
            one, declared = artifacts[name], str(document["spec"].get("memory", ""))
            users = ", ".join(release.name for release in control.live() if name in release.artifacts)
            memory, digest = f"{one.memory / 1024**2:.1f} MiB", one.digest.removeprefix("sha256:")[:12]
            rows.append((kind, name, "", users, one.runtime, memory, declared, digest))
        else:
            generation = str(control.heads[name]) if kind == "Pipeline" else ""
            rows.append((kind, name, generation, document["spec"].get("pipeline", ""), "", "", "", ""))
    print_columns(("kind", "name", "generation", "of", "runtime", "memory", "declared", "digest"), rows)
