"""Reads a properties file of Kafka's clients, and checks that clients in Java and Python can use it."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from operators.core.errors import DeploymentError
from operators.kafka.client_config.java_properties import parse_properties

# What a reference in a setting of Kafka's Java clients (`${file:PATH:KEY}`) can contain.
_KEY, _UNUSABLE_PATH = re.compile(r"[a-zA-Z0-9._-]+"), re.compile(r"[:{}$]")
_SECURITY = re.compile(r"(security|sasl|ssl)[.]|config[.]providers")
_KNOWN = {
    "security.protocol",
    "sasl.mechanism",
    "sasl.jaas.config",
    "ssl.endpoint.identification.algorithm",
    "ssl.enabled.protocols",
    "ssl.protocol",
    "ssl.key.password",
    *(f"ssl.truststore.{name}" for name in ("location", "type", "password", "certificates")),
    *(f"ssl.keystore.{name}" for name in ("location", "type", "password", "key", "certificate.chain")),
}
_SECRETS = {
    "sasl.jaas.config",
    "ssl.key.password",
    "ssl.keystore.key",
    "ssl.keystore.password",
    "ssl.truststore.password",
}


def read_properties(path: str) -> dict[str, str]:
    """Read the settings of a file; DeploymentError if a client in Python or Java could not use them.

    Every key that concerns security must be known. Others are for clients in Java only.
    """
    if _UNUSABLE_PATH.search(path):
        raise DeploymentError(f"{path}: the path of the Kafka settings must not contain any of : {{ }} $")
    try:
        content = Path(path).read_bytes()
        properties = parse_properties(content.decode("utf-8"))
    except OSError as error:
        raise DeploymentError(
            f"{path}: the Kafka settings cannot be read: {error.strerror}; the file must be at this path on "
            "every machine with a client of Kafka"
        ) from None
    except ValueError as error:  # UnicodeDecodeError is one
        raise DeploymentError(f"{path}: the Kafka settings cannot be read: {error}") from None
    # Kafka's own commands read the one, its clients in Flink the other.
    if properties != parse_properties(content.decode("latin-1")):
        raise DeploymentError(f"{path}: write characters that are not ASCII as \\uXXXX in Kafka settings")
    for key in properties:
        if not _KEY.fullmatch(key):
            raise DeploymentError(f"{path}: {key!r} is not the name of a setting of Kafka")
        if _SECURITY.match(key) and key not in _KNOWN:
            raise DeploymentError(
                f"{path}: {key} is not supported, because clients in Python cannot follow it; remove it. "
                "docs/security.md lists the supported keys"
            )
    return properties


def exposure(path: str) -> str:
    """Return a warning if others than the owner can read the secrets of a file, else an empty text."""
    if not path or not _SECRETS & read_properties(path).keys():
        return ""
    mode = stat.S_IMODE(Path(path).stat().st_mode)
    if not mode & 0o077:
        return ""
    return f"{path} contains secrets, but its mode is {mode:04o}; run `chmod 600 {path}`"
