from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.flink.paths import java
from operators.core.errors import DeploymentError
from operators.kafka.client_config.certificates import tls_context
from tests.support.certificates import HOST, Identity

PASSWORD = "p'w\"d, word"
AUTHORITY = Identity("authority")
CLIENT = Identity("client", AUTHORITY)
Properties = dict[str, str]


def write(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def store(name: str, type_: str, location: str) -> Properties:
    return {f"ssl.{name}.type": type_, f"ssl.{name}.location": location}


def pem_files(folder: Path) -> Properties:
    key = write(folder / "key.pem", CLIENT.key_pem(PASSWORD) + CLIENT.certificate_pem)
    trusted = store("truststore", "PEM", write(folder / "ca.pem", AUTHORITY.certificate_pem))
    return {**trusted, **store("keystore", "PEM", key), "ssl.key.password": PASSWORD}


def inline_pem(folder: Path) -> Properties:
    return {
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": AUTHORITY.certificate_pem,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.key": CLIENT.key_pem(),
        "ssl.keystore.certificate.chain": CLIENT.certificate_pem,
    }


def pkcs12(folder: Path) -> Properties:
    """Trusted certificates as Java writes them."""
    trusted = folder / "trust.p12"
    certificate = write(folder / "ca.pem", AUTHORITY.certificate_pem)
    keytool(folder, "-importcert", "-noprompt", "-file", certificate, "-keystore", str(trusted))
    return {
        **store("truststore", "PKCS12", str(trusted)),
        "ssl.truststore.password": PASSWORD,
        **pkcs12_key(folder),
    }


def pkcs12_key(folder: Path) -> Properties:
    """Without a type, because clients in Java read PKCS12 with their default, JKS, too."""
    return {
        "ssl.keystore.location": write(folder / "key.p12", CLIENT.pkcs12(PASSWORD)),
        "ssl.keystore.password": PASSWORD,
    }


def keytool(folder: Path, *arguments: str) -> None:
    command = [str(Path(java()).with_name("keytool")), *arguments, "-storepass", PASSWORD]
    subprocess.run(command, cwd=folder, capture_output=True, check=True)


def handshake(client: ssl.SSLContext, server: Identity, folder: Path) -> str:
    """Connect a client to a server that requires a certificate; return the client's name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(write(folder / "server.pem", server.key_pem() + server.certificate_pem))
    context.load_verify_locations(cadata=AUTHORITY.certificate_pem)
    context.verify_mode = ssl.CERT_REQUIRED
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=HOST),
        context.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    peer = sides[1].getpeercert()
    assert peer
    return str(dict(part[0] for part in peer["subject"])["commonName"])


@pytest.mark.parametrize("properties", [pem_files, inline_pem, pkcs12])
def test_server_and_client_trust_each_other(properties: Callable[[Path], Properties], tmp_path: Path) -> None:
    context = tls_context(properties(tmp_path))
    assert handshake(context, Identity("broker", AUTHORITY), tmp_path) == "client"


def test_a_server_of_another_authority_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        handshake(tls_context(inline_pem(tmp_path)), Identity("b", Identity("other")), tmp_path)


def test_a_server_of_another_name_is_refused_unless_names_are_not_checked(tmp_path: Path) -> None:
    elsewhere, properties = Identity("broker", AUTHORITY, host="127.0.0.9"), inline_pem(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        handshake(tls_context(properties), elsewhere, tmp_path)
    properties["ssl.endpoint.identification.algorithm"] = ""
    assert handshake(tls_context(properties), elsewhere, tmp_path) == "client"


def test_only_the_enabled_versions_are_used() -> None:
    context = tls_context({"ssl.enabled.protocols": "TLSv1.3"})
    assert context.minimum_version == context.maximum_version == ssl.TLSVersion.TLSv1_3


def test_a_jks_store_is_refused_with_the_command_that_converts_it(tmp_path: Path) -> None:
    alias = ["-genkeypair", "-keyalg", "EC", "-alias", "a", "-dname", "CN=a", "-keypass", PASSWORD]
    keytool(tmp_path, *alias, "-storetype", "JKS", "-keystore", "store.jks")
    properties = store("truststore", "JKS", str(tmp_path / "store.jks"))
    with pytest.raises(DeploymentError, match=r"keytool -importkeystore .*store\.p12 -deststoretype PKCS12"):
        tls_context(properties)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ssl.keystore.password": "other"}, "neither PEM nor PKCS12, or its password is wrong"),
        ({"ssl.keystore.location": "key.p12"}, "must be an absolute path"),
        ({"ssl.keystore.location": "/no/where"}, "cannot be read: No such file"),
        ({"ssl.keystore.type": "PEM"}, "ssl.keystore.type is PEM, but the store is not PEM"),
        ({"ssl.keystore.key": "k"}, "must be set together"),
        ({"ssl.endpoint.identification.algorithm": "ldaps"}, "it must be https, or empty"),
        ({"ssl.enabled.protocols": "TLSv1.1"}, "contains 'TLSv1.1'; it may contain TLSv1.2, TLSv1.3"),
    ],
)
def test_what_cannot_be_used_is_refused(changes: Properties, message: str, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=message) as refused:
        tls_context({**pkcs12_key(tmp_path), **changes})
    assert PASSWORD not in str(refused.value)


def test_a_wrong_password_of_a_key_is_refused_without_a_question(tmp_path: Path) -> None:
    properties = pem_files(tmp_path)
    del properties["ssl.key.password"]
    with pytest.raises(DeploymentError, match="key and certificate cannot be loaded"):
        tls_context(properties)
