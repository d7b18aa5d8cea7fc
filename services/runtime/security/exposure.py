"""Whether a server may listen where its settings say."""

import ipaddress


class Exposed(Exception):
    """A server would talk in clear text to other machines."""


def check_exposure(host: str, *, encrypted: bool, insecure: bool) -> None:
    """Raises Exposed for an address that other machines reach, unless calls are encrypted or `insecure` allows it."""
    if not (encrypted or insecure or is_loopback(host)):
        raise Exposed(
            f"this server would listen on {host} without TLS: set --tls-cert and --tls-key, or --insecure where "
            "something else, such as a mesh or a network policy, decides who connects"
        )


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches an address to listen on."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
