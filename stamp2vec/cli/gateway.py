"""How the command line reaches a gateway: TLS, and the token."""

import os
import ssl
from argparse import Namespace
from pathlib import Path

import grpc

from stamp2vec.client.connection import is_local
from stamp2vec.errors import InvalidInput

TOKEN_VARIABLE = "STAMP2VEC_TOKEN"  # noqa: S105 - the name of a variable

# Where OpenSSL has no file of its own, the first that exists is the system's: Debian, Fedora, SUSE, Alpine.
_SYSTEM_ROOTS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_MAX_TOKEN_CHARS = 8192  # of the metadata that gRPC takes by default


def credentials(arguments: Namespace) -> grpc.ChannelCredentials | None:
    """For TLS, with the roots of --ca or of the system; None without. InvalidInput when --ca is no certificate."""
    if arguments.ca is not None:
        return grpc.ssl_channel_credentials(_certificates(Path(arguments.ca)))
    return grpc.ssl_channel_credentials(_system_roots()) if arguments.tls else None


def token(arguments: Namespace) -> str | None:
    """That of --token-file, else of the environment. InvalidInput when it cannot be read or sent."""
    found = os.environ.get(TOKEN_VARIABLE, "").strip() or None
    if arguments.token_file is not None:
        found = _file_token(Path(arguments.token_file))
    if found and not (arguments.tls or arguments.ca or is_local(arguments.gateway)):
        raise InvalidInput(f"the token must not travel to {arguments.gateway} without TLS: add --tls, or --ca FILE")
    return found


def _certificates(path: Path) -> bytes:
    try:
        text = path.read_text("ascii")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ValueError, ssl.SSLError) as error:
        raise InvalidInput(f"--ca {path} has no certificate: name a PEM file") from error
    except OSError as error:
        raise InvalidInput(f"--ca {path} cannot be read ({error.strerror}): name a file that can") from error
    return text.encode()


def _system_roots() -> bytes | None:
    """The system's certificates, or those of SSL_CERT_FILE; None, for those that gRPC has, where there are none."""
    for path in (ssl.get_default_verify_paths().cafile, *_SYSTEM_ROOTS):
        if path is not None and Path(path).is_file():
            return Path(path).read_bytes()
    return None


def _file_token(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            found = file.read(_MAX_TOKEN_CHARS + 1).strip()
    except OSError as error:
        raise InvalidInput(f"--token-file {path} cannot be read ({error.strerror}): name a file that can") from error
    if len(found) > _MAX_TOKEN_CHARS:
        raise InvalidInput(f"--token-file {path} has more than {_MAX_TOKEN_CHARS:,} characters: name a file of a token")
    if not found:
        raise InvalidInput(f"--token-file {path} is empty: put the token into it")
    return found
