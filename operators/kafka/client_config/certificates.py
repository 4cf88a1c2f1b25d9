"""Makes a TLS context of the `ssl.…` settings of Kafka's Java clients."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path

from operators.core.errors import DeploymentError

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_JKS = b"\xfe\xed\xfe\xed"
_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def tls_context(properties: Mapping[str, str]) -> ssl.SSLContext:
    """Return the context of a client; DeploymentError for a store that cannot be used.

    Without a trust store, the certificate authorities of the machine are trusted.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version, context.maximum_version = _versions(properties)
    algorithm = properties.get("ssl.endpoint.identification.algorithm", "https")
    if algorithm.lower() not in ("https", ""):
        raise DeploymentError(
            f"ssl.endpoint.identification.algorithm is {algorithm!r}; it must be https, or empty for no check"
        )
    context.check_hostname = bool(algorithm)
    _trust(context, properties)
    _identify(context, properties)
    return context


def _versions(properties: Mapping[str, str]) -> tuple[ssl.TLSVersion, ssl.TLSVersion]:
    names = properties.get("ssl.enabled.protocols", "TLSv1.2,TLSv1.3").split(",")
    if unknown := [name for name in map(str.strip, names) if name not in _VERSIONS]:
        raise DeploymentError(
            f"ssl.enabled.protocols contains {unknown[0]!r}; it may contain {', '.join(_VERSIONS)}"
        )
    versions = [_VERSIONS[name.strip()] for name in names]
    return min(versions), max(versions)


def _trust(context: ssl.SSLContext, properties: Mapping[str, str]) -> None:
    inline = properties.get("ssl.truststore.certificates")
    location = properties.get("ssl.truststore.location")
    if inline:
        _require_type(properties, "ssl.truststore", is_pem=True)
        trusted = _pem_certificates(inline, "ssl.truststore.certificates")
    elif location:
        content = _read_store(properties, "ssl.truststore")
        password = properties.get("ssl.truststore.password")
        trusted = _trusted(content, password, f"ssl.truststore.location {location}")
    else:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(cadata=trusted)
    except ssl.SSLError as error:
        raise DeploymentError(f"the certificates of the trust store cannot be read: {error}") from None


def _trusted(content: bytes, password: str | None, place: str) -> str:
    if _is_pem(content):
        return _pem_certificates(content.decode("utf-8", "replace"), place)
    certificates = _pkcs12(content, password, place)[1]
    if not certificates:
        raise DeploymentError(f"{place} contains no certificate")
    return certificates


def _pem_certificates(text: str, place: str) -> str:
    certificates = _CERTIFICATE.findall(text)
    if not certificates:
        raise DeploymentError(f"{place} contains no certificate in PEM")
    return "\n".join(certificates)


def _identify(context: ssl.SSLContext, properties: Mapping[str, str]) -> None:
    """Load the client's own certificate and key, if there are any."""
    key, chain = (properties.get(f"ssl.keystore.{name}") for name in ("key", "certificate.chain"))
    location = properties.get("ssl.keystore.location")
    password = properties.get("ssl.key.password")
    if bool(key) != bool(chain):
        raise DeploymentError("ssl.keystore.key and ssl.keystore.certificate.chain must be set together")
    if key and chain:
        _require_type(properties, "ssl.keystore", is_pem=True)
        _load_identity(context, f"{key}\n{chain}", password, "ssl.keystore.key")
    elif location:
        place = f"ssl.keystore.location {location}"
        content = _read_store(properties, "ssl.keystore")
        if _is_pem(content):
            _load_identity(context, content.decode("utf-8", "replace"), password, place)
        else:
            pem = _pkcs12(content, properties.get("ssl.keystore.password"), place)
            if not pem[0]:
                raise DeploymentError(f"{place} contains no private key with its certificate")
            _load_identity(context, pem[0], None, place)


def _load_identity(context: ssl.SSLContext, pem: str, password: str | None, place: str) -> None:
    # OpenSSL reads files only. This one is in memory, because a key should not be on another disk.
    descriptor = os.memfd_create("key")
    try:
        with open(descriptor, "w", encoding="utf-8", closefd=False) as file:
            file.write(pem)
        # Without a password, OpenSSL would ask the terminal for that of an encrypted key.
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=password or "")
    except (ssl.SSLError, OSError) as error:
        raise DeploymentError(
            f"{place}: key and certificate cannot be loaded: {error}; check that the key belongs to the "
            "certificate, and ssl.key.password"
        ) from None
    finally:
        os.close(descriptor)


def _read_store(properties: Mapping[str, str], store: str) -> bytes:
    """Read the file of `ssl.truststore` or `ssl.keystore`."""
    location = properties[f"{store}.location"]
    place = f"{store}.location {location}"
    if not os.path.isabs(location):
        raise DeploymentError(f"{place} must be an absolute path, because every process reads it")
    try:
        content = Path(location).read_bytes()
    except OSError as error:
        raise DeploymentError(
            f"{place} cannot be read: {error.strerror}; it must be on every machine with a client of Kafka"
        ) from None
    if content.startswith(_JKS):
        raise DeploymentError(
            f"{place} is a JKS store, which Python cannot read; convert it with `keytool -importkeystore "
            f"-srckeystore {location} -destkeystore {Path(location).with_suffix('.p12')} "
            f"-deststoretype PKCS12`, and set {store}.type=PKCS12"
        )
    _require_type(properties, store, is_pem=_is_pem(content))
    return content


def _require_type(properties: Mapping[str, str], store: str, *, is_pem: bool) -> None:
    """Raise DeploymentError where clients in Java would read a store as another type."""
    type_ = properties.get(f"{store}.type", "JKS").upper()
    if (type_ == "PEM") != is_pem:
        found, types = ("PEM", "PEM") if is_pem else ("not PEM", "PKCS12")
        raise DeploymentError(f"{store}.type is {type_}, but the store is {found}; set {store}.type={types}")


def _is_pem(content: bytes) -> bool:
    return b"-----BEGIN " in content


def _pkcs12(content: bytes, password: str | None, place: str) -> tuple[str, str]:
    """Return the key with its chain, empty if there is none, and all other certificates, as PEM."""
    # Here, because few files need it and it takes long.
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

    try:
        store = pkcs12.load_pkcs12(content, None if password is None else password.encode())
    except ValueError:
        raise DeploymentError(f"{place} is neither PEM nor PKCS12, or its password is wrong") from None
    others = "".join(one.certificate.public_bytes(Encoding.PEM).decode() for one in store.additional_certs)
    if store.key is None or store.cert is None:
        return "", others
    key = store.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return key + store.cert.certificate.public_bytes(Encoding.PEM).decode() + others, others
