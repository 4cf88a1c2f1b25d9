"""A certificate authority of the tests' own, and certificates that it signs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"


class Identity:
    """A key, its certificate, and the certificate of the authority that signed it."""

    def __init__(self, name: str, issuer: Identity | None = None, host: str = HOST) -> None:
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.authority = issuer or self
        self.certificate = self._signed(host)

    def _signed(self, host: str) -> x509.Certificate:
        is_authority, now = self.authority is self, datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(self.name))
            .issuer_name(_name(self.authority.name))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        )
        return builder.sign(self.authority.key, hashes.SHA256())

    @property
    def certificate_pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def key_pem(self, password: str = "") -> str:
        encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()

    def pkcs12(self, password: str) -> bytes:
        authority = [self.authority.certificate]
        encryption = BestAvailableEncryption(password.encode())
        return pkcs12.serialize_key_and_certificates(
            self.name.encode(), self.key, self.certificate, authority, encryption
        )


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of localhost and 127.0.0.1, and its key; return their files."""
    own, certificate, key = Identity("localhost"), folder / "cert.pem", folder / "key.pem"
    certificate.write_text(own.certificate_pem)
    key.write_text(own.key_pem())
    return certificate, key


def _names(host: str) -> list[x509.GeneralName]:
    """Return an address as the names of a certificate; that of this machine has `localhost` too."""
    local = [x509.DNSName("localhost")] if host == HOST else []
    return [x509.IPAddress(ip_address(host)), *local]


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
