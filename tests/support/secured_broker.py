"""A broker with TLS, users and access control lists, and properties files of its clients."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import closing
from itertools import count
from pathlib import Path

import psutil
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from jobs.local_stack.kafka_broker import brokers_answer, local_brokers, start_broker
from jobs.local_stack.ports import HOST, free_ports
from operators.kafka.brokers import Brokers
from tests.end_to_end.deployment import await_true
from tests.support.certificates import Identity

_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
PLAIN_USER = "client"


class SecuredBroker:
    """A broker whose clients use SASL_SSL, or SSL with a certificate; only `setup` may do everything."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, ports = folder, free_ports()
        self._numbers = count()
        self.setup = local_brokers(ports)
        # The broker needs neither of these ports.
        self._sasl, self._ssl = f"{HOST}:{ports.web}", f"{HOST}:{ports.rpc}"
        self.authority = Identity("authority")
        self.password = secrets.token_hex(16)
        self.trusted = self._write("ca.pem", self.authority.certificate_pem)
        settings = self._settings(self.setup.servers, ports.controller)
        pid = start_broker(folder, ports, f"secured-{ports.kafka}", settings=settings)
        self._process = psutil.Process(pid)
        await_true(lambda: brokers_answer(ports), "the broker")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def add_user(self, name: str, mechanism: ScramMechanism = ScramMechanism.SCRAM_SHA_512) -> None:
        with closing(KafkaAdminClient(**self.setup.options())) as admin:
            done = admin.alter_user_scram_credentials(
                [UserScramCredentialUpsertion(name, mechanism, self.password)]
            )
        assert done == {name: None}

    def allow(self, user: str, kind: str, name: str, *operations: str) -> None:
        """Allow operations on a resource; a name that ends in `*` is a prefix."""
        pattern = ACLResourcePatternType.PREFIXED if name.endswith("*") else ACLResourcePatternType.LITERAL
        resource = ResourcePattern(ResourceType[kind.upper()], name.removesuffix("*"), pattern)
        acls = [
            ACL(f"User:{user}", "*", ACLOperation[one.upper()], ACLPermissionType.ALLOW, resource)
            for one in operations
        ]
        with closing(KafkaAdminClient(**self.setup.options())) as admin:
            done = admin.create_acls(acls)
        assert not done["failed"], done

    def scram(
        self, user: str, mechanism: str = "SCRAM-SHA-512", password: str = "", **changes: str
    ) -> Brokers:
        return self._sasl_ssl(user, mechanism, _SCRAM, password or self.password, changes)

    def plain(self) -> Brokers:
        return self._sasl_ssl(PLAIN_USER, "PLAIN", _PLAIN, self.password, {})

    def mutual_tls(self, user: str) -> Brokers:
        identity = Identity(user, self.authority)
        store = self._folder / f"{user}.p12"
        store.write_bytes(identity.pkcs12(self.password))
        return self._client(
            {
                "bootstrap.servers": self._ssl,
                "security.protocol": "SSL",
                "ssl.keystore.type": "PKCS12",
                "ssl.keystore.location": str(store),
                "ssl.keystore.password": self.password,
            }
        )

    def _sasl_ssl(
        self, user: str, mechanism: str, module: str, password: str, changes: Mapping[str, str]
    ) -> Brokers:
        return self._client(
            {
                "bootstrap.servers": self._sasl,
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": mechanism,
                "sasl.jaas.config": f'{module} required username="{user}" password="{password}";',
                **changes,
            }
        )

    def _client(self, properties: Mapping[str, str]) -> Brokers:
        """Write a properties file that trusts the authority, and return the brokers that it names."""
        entries = {"ssl.truststore.type": "PEM", "ssl.truststore.location": self.trusted, **properties}
        lines = (f"{key}={value}\n" for key, value in entries.items())
        path = self._write(f"client-{next(self._numbers)}.properties", "".join(lines))
        return Brokers(entries["bootstrap.servers"], path)

    def _write(self, name: str, text: str) -> str:
        path = self._folder / name
        path.touch(0o600)
        path.write_text(text, "utf-8")
        return str(path)

    def _settings(self, plaintext: str, controller: int) -> dict[str, object]:
        broker = Identity("broker", self.authority)
        users = f'{_PLAIN} required user_{PLAIN_USER}="{self.password}";'
        return {
            "listeners": (
                f"PLAINTEXT://{plaintext},SASL_SSL://{self._sasl},SSL://{self._ssl},"
                f"CONTROLLER://{HOST}:{controller}"
            ),
            "advertised.listeners": f"PLAINTEXT://{plaintext},SASL_SSL://{self._sasl},SSL://{self._ssl}",
            "listener.security.protocol.map": (
                "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT"
            ),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": users,
            "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": f"{_SCRAM} required;",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{_SCRAM} required;",
            "listener.name.ssl.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=(.*)$/$1/",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self._write("broker.pem", broker.key_pem() + broker.certificate_pem),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.trusted,
        }
