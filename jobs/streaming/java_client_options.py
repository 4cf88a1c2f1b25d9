"""The options of Flink's Kafka clients: references to a properties file, so that no plan holds a secret."""

from __future__ import annotations

from operators.kafka.client_config.client_options import SHADED
from operators.kafka.client_config.properties_file import read_properties

_JAAS = "sasl.jaas.config"
_PROVIDER = f"{SHADED}org.apache.kafka.common.config.provider.FileConfigProvider"


def java_client_options(path: str) -> dict[str, str]:
    """Return the table options that the file at `path` asks for; none for an empty path.

    Kafka's clients replace each reference by the value that the file has on their own machine when they are
    made. DeploymentError if the file cannot be used.
    """
    if not path:
        return {}
    properties = read_properties(path)
    references = {key: f"${{file:{path}:{key}}}" for key in properties if key != "bootstrap.servers"}
    # The connector has its own copy of the login modules, in another package.
    if _JAAS in references and not properties[_JAAS].startswith(SHADED):
        references[_JAAS] = SHADED + references[_JAAS]
    options = {"config.providers": "file", "config.providers.file.class": _PROVIDER, **references}
    return {f"properties.{key}": value for key, value in options.items()}
