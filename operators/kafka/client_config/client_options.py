"""Translates a properties file of Kafka's Java clients into the arguments of kafka-python's clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from operators.core.errors import DeploymentError
from operators.kafka.client_config.certificates import tls_context
from operators.kafka.client_config.jaas import parse_jaas
from operators.kafka.client_config.properties_file import read_properties

# The package of Kafka's classes in Flink's connector, which contains its own copy of Kafka's clients.
SHADED = "org.apache.flink.kafka.shaded."
_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}


def client_options(path: str) -> dict[str, Any]:
    """Return the arguments that the file at `path` asks for, without `bootstrap_servers`.

    The file is read each time, so a client that is made later has the credentials of then. DeploymentError
    for settings that kafka-python cannot follow.
    """
    properties = read_properties(path)
    try:
        return _options(properties)
    except DeploymentError as error:
        raise DeploymentError(f"{path}: {error}") from error


def _options(properties: Mapping[str, str]) -> dict[str, Any]:
    protocol = properties.get("security.protocol", "PLAINTEXT").upper()
    if protocol not in _PROTOCOLS:
        raise DeploymentError(f"security.protocol is {protocol}; it must be one of {', '.join(_PROTOCOLS)}")
    options: dict[str, Any] = {"security_protocol": protocol}
    if protocol.endswith("SSL"):
        options["ssl_context"] = tls_context(properties)
    if protocol.startswith("SASL"):
        options |= _login(properties)
    return options


def _login(properties: Mapping[str, str]) -> dict[str, str]:
    # Kafka's own default, if the key is missing.
    mechanism = properties.get("sasl.mechanism", "GSSAPI")
    if mechanism not in _MODULES:
        raise DeploymentError(f"sasl.mechanism is {mechanism}; it must be one of {', '.join(_MODULES)}")
    login = parse_jaas(properties.get("sasl.jaas.config", ""))
    # The text is not quoted: it contains the password.
    if (
        login is None
        or login.module.removeprefix(SHADED) != _MODULES[mechanism]
        or login.options.keys() != {"username", "password"}
    ):
        raise DeploymentError(
            f'sasl.jaas.config must be `{_MODULES[mechanism]} required username="…" password="…";` for '
            f"sasl.mechanism {mechanism}"
        )
    return {
        "sasl_mechanism": mechanism,
        "sasl_plain_username": login.options["username"],
        "sasl_plain_password": login.options["password"],
    }
