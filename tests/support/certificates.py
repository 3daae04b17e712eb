"""Certificates for tests of TLS, made by openssl."""

import subprocess
from pathlib import Path


def make_certificates(folder: Path) -> None:
    """An authority, and one certificate by it for both ends: what ``DOCKER_CERT_PATH`` holds."""
    new = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    authority = ["-subj", "/CN=authority", "-keyout", "ca-key.pem", "-out", "ca.pem"]
    signed = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-subj", "/CN=engine", "-keyout", "key.pem", "-out", "cert.pem"]
    extensions = [
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
    ]
    for command in ([*new, *authority], [*new, *signed, *extensions]):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
