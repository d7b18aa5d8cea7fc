"""Certificates for servers of the tests, made by Debian's program openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import grpc

from tests.conftest import require


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate for 127.0.0.1, unless another host is given, that is its own authority."""

    path: Path
    key: Path

    @property
    def pem(self) -> bytes:
        return self.path.read_bytes()

    def server(self) -> grpc.ServerCredentials:
        return grpc.ssl_server_credentials([(self.key.read_bytes(), self.pem)])

    def client(self, shown: "Certificate | None" = None) -> grpc.ChannelCredentials:
        """Of a client that trusts this one, and shows another to servers that ask."""
        if shown is None:
            return grpc.ssl_channel_credentials(self.pem)
        return grpc.ssl_channel_credentials(self.pem, shown.key.read_bytes(), shown.pem)


def certificate(folder: Path, name: str, host: str = "IP:127.0.0.1") -> Certificate:
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    openssl = str(require("openssl", "sudo make system"))
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={host}"]
    subprocess.run([*command, *names, "-keyout", made.key, "-out", made.path], check=True, capture_output=True)
    return made
