"""Certificates for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.servers import require


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of localhost and 127.0.0.1, and its key; return their files."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = [require("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key
