"""The certificate and the key with which a server encrypts its connections."""

from __future__ import annotations

import ssl
from pathlib import Path

from operators.core.errors import DeploymentError


def server_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Return the TLS settings of a server, None without a certificate; DeploymentError if it is unusable.

    `certificate` is a PEM file with the server's certificate first; `key` is the PEM file of its private key.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise DeploymentError("--tls-cert and --tls-key belong together; set both")
    for file in (certificate, key):
        if not file.is_file():
            raise DeploymentError(f"{file} is not a file; --tls-cert and --tls-key name PEM files")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # An encrypted key would make OpenSSL wait for a password on the terminal.
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise DeploymentError(
            f"{certificate} and {key} are not a certificate and its private key without a password, "
            f"in PEM: {error}"
        ) from None
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted")


def url_of(host: str, port: int, tls: ssl.SSLContext | None) -> str:
    """Return the URL of a server.

    >>> url_of("::1", 80, None)
    'http://[::1]:80'
    """
    name = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{name}:{port}"
