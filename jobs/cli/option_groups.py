"""Parameters of verbs that stand for several options: `kafka: Kafka`, `site: Site`, `form: Form`."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, NamedTuple, get_args

from jobs.cli.options import (
    ArtifactCache,
    Bootstrap,
    Decimal,
    Encoding,
    KafkaConfig,
    MissingValues,
    Namespace,
    Prefix,
    Separator,
    StoresSetting,
    TrustedRoots,
)
from jobs.cli.printable_output import printable_output
from jobs.data.table_format import TableFormat, words_of
from jobs.flink.paths import home
from jobs.local_stack.stack import find
from operators.core.errors import DeploymentError
from operators.kafka.brokers import Brokers, find_brokers
from operators.kafka.client_config.properties_file import exposure
from operators.kafka.connection import Connection
from operators.kafka.topics import Topics
from operators.storage.trusted_roots import ArtifactPolicy, make_policy


class OptionGroup(NamedTuple):
    """Options with their annotations and defaults, and what makes one value of theirs, in this order."""

    options: Mapping[str, tuple[Any, Any]]
    build: Callable[..., Any]


def expand(verb: Callable[..., None]) -> Callable[..., None]:
    """Return a verb that has the options of each group as parameters, in place of the group.

    >>> def show(name: str, *, kafka: Kafka) -> None: ...
    >>> list(inspect.signature(expand(show)).parameters)
    ['name', 'bootstrap_servers', 'kafka_config', 'prefix', 'namespace']
    """
    signature = inspect.signature(verb, eval_str=True)
    groups: dict[str, OptionGroup] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        found = [one for one in get_args(parameter.annotation) if isinstance(one, OptionGroup)]
        groups |= dict.fromkeys([name] * len(found), *found)
        options = found[0].options if found else {name: (parameter.annotation, parameter.default)}
        parameters += [
            inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for option, (annotation, default) in options.items()
        ]

    @wraps(verb)
    def run(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group.build(*(values.pop(option) for option in group.options))
        with printable_output():
            verb(**values)

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def connection(bootstrap_servers: str, kafka_config: str, prefix: str, namespace: str) -> Connection:
    """Return the connection to Kafka; `WEIR_REQUESTS_PREFIX` is the prefix of requests, as in the job.

    DeploymentError if topics cannot have these names.
    """
    topics = Topics(prefix, namespace, os.environ.get("WEIR_REQUESTS_PREFIX", ""))
    if problems := list(topics.problems()):
        raise DeploymentError("\n".join(problems))
    return Connection(connect(bootstrap_servers, kafka_config), topics)


def connect(bootstrap_servers: str, kafka_config: str) -> Brokers:
    """Return the brokers of the options, or of the running stack; warn if the file's secrets are exposed."""
    stack = None if bootstrap_servers or kafka_config else find(home())
    if warning := exposure(kafka_config):
        print(f"warning: {warning}", file=sys.stderr)
    return stack.brokers if stack else find_brokers(bootstrap_servers, kafka_config)


def _table_format(separator: str, decimal: str, encoding: str, missing_values: str | None) -> TableFormat:
    return TableFormat(separator, decimal, encoding, words_of(missing_values)).check()


Kafka = Annotated[
    Connection,
    OptionGroup(
        {
            "bootstrap_servers": (Bootstrap, ""),
            "kafka_config": (KafkaConfig, ""),
            "prefix": (Prefix, "weir"),
            "namespace": (Namespace, "default"),
        },
        connection,
    ),
]
Site = Annotated[
    ArtifactPolicy,
    OptionGroup(
        {
            "trusted_roots": (TrustedRoots, "models"),
            "artifact_cache": (ArtifactCache, ""),
            "stores": (StoresSetting, ""),
        },
        make_policy,
    ),
]
Form = Annotated[
    TableFormat,
    OptionGroup(
        {
            "separator": (Separator, ","),
            "decimal": (Decimal, "."),
            "encoding": (Encoding, "utf-8"),
            "missing_values": (MissingValues, None),
        },
        _table_format,
    ),
]
