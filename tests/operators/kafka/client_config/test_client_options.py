from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from jobs.streaming import kafka_tables
from jobs.streaming.settings import parse_settings
from operators.core.errors import DeploymentError
from operators.kafka.brokers import find_brokers
from operators.kafka.client_config.client_options import client_options
from operators.kafka.client_config.properties_file import exposure

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
PASSWORD = 'p"w\\d'
FILE = f"""\
bootstrap.servers = one:9093,two:9093
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config={SCRAM} required \\
    username="weir" \\
    password="p\\\\"w\\\\\\\\d";
client.id=orders
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "client's.properties"
    file.touch(0o600)
    file.write_text(FILE)
    return file


def test_user_and_password_are_read(path: Path) -> None:
    options = client_options(str(path))
    assert isinstance(options.pop("ssl_context"), ssl.SSLContext)
    assert options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "weir",
        "sasl_plain_password": PASSWORD,
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("SCRAM-SHA-512", "OAUTHBEARER", "sasl.mechanism is OAUTHBEARER; it must be one of PLAIN, SCRAM-SHA"),
        ("sasl.mechanism=SCRAM-SHA-512\n", "", "sasl.mechanism is GSSAPI"),
        ("SCRAM-SHA-512", "PLAIN", "sasl.jaas.config must be .*PlainLoginModule required username"),
        ("username=", "tokenauth=true username=", "sasl.jaas.config must be"),
        ("SASL_SSL", "TLS", "security.protocol is TLS; it must be one of PLAINTEXT, SSL"),
        ("client.id", "ssl.cipher.suites", "ssl.cipher.suites is not supported"),
        ("client.id", "config.providers", "config.providers is not supported"),
        ("client.id", "sasl.login.class", "sasl.login.class is not supported"),
        ("client.id", "client'id", "is not the name of a setting of Kafka"),
        ("orders", "bestellungen-für", r"not ASCII as \\uXXXX"),
        ("orders", "\\u00", "four hexadecimal digits"),
    ],
)
def test_what_python_cannot_follow_is_refused(path: Path, old: str, new: str, message: str) -> None:
    path.write_text(FILE.replace(old, new), "utf-8")
    with pytest.raises(DeploymentError, match=message) as refused:
        client_options(str(path))
    assert str(path) in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="on every machine with a client of Kafka"):
        client_options(str(tmp_path / "none"))


def test_brokers_are_those_of_the_setting_then_of_the_file_then_local(path: Path) -> None:
    assert find_brokers("flag:1", str(path)).servers == "flag:1"
    assert find_brokers("", str(path)).servers == "one:9093,two:9093"
    assert find_brokers("", "").servers == "localhost:9092"
    path.write_text("client.id=orders")
    with pytest.raises(DeploymentError, match=r"set bootstrap.servers, or --bootstrap-servers"):
        find_brokers("", str(path))


def test_a_warning_is_given_only_where_others_can_read_a_secret(path: Path) -> None:
    assert exposure(str(path)) == ""
    path.chmod(0o640)
    assert "its mode is 0640; run `chmod 600" in exposure(str(path))
    path.write_text("security.protocol=SSL")
    assert exposure(str(path)) == ""


def test_tables_refer_to_the_file_and_contain_no_secret(path: Path) -> None:
    settings = parse_settings([], {"WEIR_KAFKA_CONFIG": str(path)})
    table = kafka_tables.requests(settings)
    reference = f"${{file:{path}:%s}}'".replace("client's", "client''s")
    assert "'properties.bootstrap.servers'='one:9093,two:9093'" in table
    assert "'properties.security.protocol'='" + reference % "security.protocol" in table
    shaded = "'properties.sasl.jaas.config'='org.apache.flink.kafka.shaded."
    assert shaded + reference % "sasl.jaas.config" in table
    assert PASSWORD not in table
    # The job's own options follow, so they win.
    assert table.index("properties.client.id") < table.index("properties.group.id")
