"""TLS of servers and of channels, from PEM files that are read again when they change."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from services.runtime.security.reloading import InvalidFile, Reloading, read_file


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The PEM files of one side of a connection; an empty name means none.

    `flag` is what their settings begin with: "tls" for `--tls-cert`, `--tls-key` and `--tls-client-ca`.
    """

    flag: str
    cert: str = ""
    key: str = ""
    ca: str = ""
    ca_flag: str = "ca"

    @property
    def paths(self) -> list[Path]:
        """Those that are named."""
        return [Path(name) for name in (self.cert, self.key, self.ca) if name]

    def key_pair(self) -> tuple[bytes, bytes] | None:
        """The private key and its certificate chain; None where neither is named.

        Raises InvalidFile when they cannot be read, are none, or do not belong together: gRPC would say no more than
        that it "failed to bind".
        """
        if not self.cert and not self.key:
            return None
        if not (self.cert and self.key):
            raise InvalidFile(f"--{self.flag}-cert and --{self.flag}-key belong together: set both, or neither")
        chain = read_file(f"--{self.flag}-cert", Path(self.cert))
        key = read_file(f"--{self.flag}-key", Path(self.key))
        self.show_in(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        return key, chain

    def show_in(self, context: ssl.SSLContext) -> None:
        """The context shows the certificate chain, which is named as its key is. Raises InvalidFile."""
        try:
            context.load_cert_chain(self.cert, self.key, _no_password)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                wrong = "is not the key of"
            else:
                wrong = f"cannot be used ({error.reason or error}) with"
            raise InvalidFile(
                f"--{self.flag}-key {self.key} {wrong} --{self.flag}-cert {self.cert}: name the PEM files of a "
                "certificate chain and of its private key, without a password"
            ) from error
        except OSError as error:  # they were there a moment ago
            raise InvalidFile(f"{self.cert} or {self.key} cannot be read ({error.strerror}): name others") from error

    def authorities(self) -> bytes | None:
        """The certificates that vouch for the other side; None where no file is named. Raises InvalidFile."""
        if not self.ca:
            return None
        found = read_file(f"--{self.flag}-{self.ca_flag}", Path(self.ca))
        self.trust_in(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        return found

    def trust_in(self, context: ssl.SSLContext) -> None:
        """The context trusts the authorities, which are named. Raises InvalidFile."""
        try:
            context.load_verify_locations(self.ca)
        except OSError as error:  # SSLError, or the file has gone meanwhile
            flag = f"--{self.flag}-{self.ca_flag}"
            raise InvalidFile(f"{flag} {self.ca} has no certificate: name a PEM file of certificates") from error


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials | None:
    """Of a server, which asks its clients for certificates where `files` name an authority; None without TLS.

    A change of the files counts from the next connection on. Raises InvalidFile.
    """
    if not files.paths:
        return None
    configuration = Reloading(files.paths, lambda: _server_configuration(files))
    return grpc.dynamic_ssl_server_credentials(
        configuration.current(), configuration.current, require_client_authentication=bool(files.ca)
    )


def server_context(files: TlsFiles) -> ssl.SSLContext | None:
    """The same of a server on asyncio. Raises InvalidFile."""
    return _Renewing(Reloading(files.paths, lambda: _server_context(files))) if files.paths else None


def channel_credentials(files: TlsFiles) -> Reloading[grpc.ChannelCredentials] | None:
    """Of channels to servers that the authority of `files` vouches for; None without TLS. Raises InvalidFile."""
    if not files.paths:
        return None
    if not files.ca:
        raise InvalidFile(f"--{files.flag}-cert needs --{files.flag}-{files.ca_flag}: set it")
    return Reloading(files.paths, lambda: _channel_credentials(files))


class _Renewing(ssl.SSLContext):
    """Makes each connection by a context of the files as they are then.

    To change one context would not do: certificates can be added to those that it trusts and none removed, and a client
    could take up a session that it had before.
    """

    _contexts: Reloading[ssl.SSLContext]

    def __new__(cls, contexts: Reloading[ssl.SSLContext]) -> "_Renewing":
        self = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        self._contexts = contexts
        return self

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        """See ssl.SSLContext; asyncio calls it once for each connection."""
        return self._contexts.current().wrap_bio(*arguments, **options)


def _server_configuration(files: TlsFiles) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([_own_pair(files)], files.authorities())


def _server_context(files: TlsFiles) -> ssl.SSLContext:
    _own_pair(files)  # for its errors
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # TLS 1.2 or later
    files.show_in(context)
    if files.authorities():
        files.trust_in(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _own_pair(files: TlsFiles) -> tuple[bytes, bytes]:
    pair = files.key_pair()
    if pair is None:
        raise InvalidFile(f"--{files.flag}-{files.ca_flag} needs --{files.flag}-cert and --{files.flag}-key: set them")
    return pair


def _channel_credentials(files: TlsFiles) -> grpc.ChannelCredentials:
    key, chain = files.key_pair() or (None, None)
    return grpc.ssl_channel_credentials(files.authorities(), key, chain)


def _no_password() -> str:
    """A key with a password is an error, and no question on a terminal."""
    return ""
