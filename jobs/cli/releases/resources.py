"""The verbs `weir get` and `weir delete`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import typer
import yaml

from jobs.cli.option_groups import Kafka
from jobs.cli.text_table import print_columns
from jobs.releases.apply import documents
from jobs.releases.delete import KINDS, parse_resource
from jobs.releases.delete import delete as delete_resources
from operators.control.control_state import ControlState
from operators.control.control_topic import read_control
from operators.core.errors import DeploymentError, does_not_exist


def get(
    name: Annotated[
        str, typer.Argument(help="NAME or KIND/NAME; a NAME of several kinds means the pipeline")
    ] = "",
    output: Annotated[str, typer.Option("-o", "--output", help="format: table, yaml or json")] = "",
    *,
    kafka: Kafka,
) -> None:
    """List the live documents, or print one of them."""
    control = read_control(kafka)
    live = documents(control)
    if name:
        _print([_find(name, live)], output or "yaml", control)
    else:
        _print(list(live.values()), output or "table", control)


def delete(
    names: Annotated[
        list[str], typer.Argument(help="names of pipelines, or pipeline/NAME, model/NAME, monitor/NAME")
    ],
    topics: Annotated[bool, typer.Option("--topics", help="also delete the topics of the pipelines")] = False,
    *,
    kafka: Kafka,
) -> None:
    """Delete resources. Running jobs close the windows of a deleted pipeline.

    Its releases are kept, so `weir rollback` can restore it. Its topics are kept unless --topics is set.
    """
    resources = [parse_resource(name) for name in names]
    deleted_topics = delete_resources(resources, kafka, topics=topics)
    for resource in resources:
        print(f"{resource.kind} {resource.name} deleted")
    for topic in deleted_topics:
        print(f"topic {topic} deleted")


def _find(resource: str, live: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    kind, name = parse_resource(resource)
    for candidate in (kind,) if "/" in resource else KINDS:
        if document := live.get(f"{candidate.capitalize()}/{name}"):
            return document
    missing = f"{kind} {name}" if "/" in resource else f"document {resource}"
    raise DeploymentError(does_not_exist(missing, live))


def _print(live: list[dict[str, Any]], output: str, control: ControlState) -> None:
    if output == "yaml":
        print(yaml.safe_dump_all(live, sort_keys=False), end="")
    elif output == "json":
        print(msgspec.json.format(msgspec.json.encode(live), indent=2).decode())
    elif output == "table":
        _print_table(live, control)
    else:
        raise DeploymentError(f"--output is {output!r}; it must be table, yaml or json")


def _print_table(live: list[dict[str, Any]], control: ControlState) -> None:
    artifacts = {name: artifact for one in control.live() for name, artifact in one.artifacts.items()}
    artifacts |= {name: one.artifact for name, one in control.models.items()}
    rows = []
    for document in sorted(live, key=lambda one: (one["kind"] == "Model", one["metadata"]["name"])):
        kind, name = document["kind"], document["metadata"]["name"]
        if kind == "Model":
            artifact, declared = artifacts[name], str(document["spec"].get("memory", ""))
            users = ", ".join(release.name for release in control.live() if name in release.artifacts)
            memory = f"{artifact.memory / 1024**2:.1f} MiB"
            digest = artifact.digest.removeprefix("sha256:")[:12]
            rows.append((kind, name, "", users, artifact.runtime, memory, declared, digest))
        else:
            generation = str(control.heads[name]) if kind == "Pipeline" else ""
            rows.append((kind, name, generation, document["spec"].get("pipeline", ""), "", "", "", ""))
    print_columns(("kind", "name", "generation", "of", "runtime", "memory", "declared", "digest"), rows)
