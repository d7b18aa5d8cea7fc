"""How clients reach a gateway: channel options, and the token that goes with every call."""

import ipaddress
import json
import re
from collections.abc import Sequence

from stamp2vec.errors import InvalidInput
from stamp2vec.limits import MAX_MESSAGE_BYTES
from stamp2vec.v1 import gateway_pb2

Metadata = tuple[tuple[str, str], ...]

_SERVICE = str(gateway_pb2.DESCRIPTOR.services_by_name["StampService"].full_name)

# https://grpc.io/docs/guides/service-config/ : spread the calls over the gateways whose health is SERVING, and send
# again what no server has begun.
_SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": _SERVICE},
    "methodConfig": [
        {
            "name": [{"service": _SERVICE}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}

_OPTIONS = (
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # gRPC never retries a request that is larger than this buffer, 256 KiB by default: most documents are.
    ("grpc.per_rpc_retry_buffer_size", MAX_MESSAGE_BYTES),
    # A gateway that comes back is found within seconds instead of minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # One that hangs is left within 20 s, and its calls go to others: else they wait for it to their deadlines. Without
    # the last, keepalive alone ended no call to a server that was stopped (grpcio 1.85.1).
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
)

_TARGET = re.compile(r"(dns:///|dns:|ipv4:|ipv6:)?(?P<addresses>[^/]+)")
_HOST = re.compile(r"(?P<host>\[[^]]+\]|[^:]+)(:\d+)?")


def channel_options(address: str) -> Sequence[tuple[str, str | int]]:
    """Of the channel to this gRPC target."""
    # gRPC obeys the environment variable http_proxy for every address, and a proxy has another 127.0.0.1.
    return (*_OPTIONS, ("grpc.enable_http_proxy", 0)) if is_local(address) else _OPTIONS


def metadata(address: str, token: str | None, *, encrypted: bool) -> Metadata:
    """The metadata of every call. InvalidInput for a token that is none, or that others on the network could read."""
    if token is None:
        return ()
    if not re.fullmatch(r"[!-~]+", token):  # wider than the syntax of RFC 6750, section 2.1; safe in a header
        wrong = "has a space, a line break or another character that no token has" if token else "is empty"
        raise InvalidInput(f"the token {wrong}: pass it as it was issued", "token")
    if not encrypted and not is_local(address):
        raise InvalidInput(
            f"a token must not travel to {address} without TLS: pass credentials, such as "
            "grpc.ssl_channel_credentials()",
            "token",
        )
    return (("authorization", f"Bearer {token}"),)


def is_local(address: str) -> bool:
    """Whether a gRPC target names nothing but this machine."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    target = _TARGET.fullmatch(address)
    return target is not None and all(map(_is_loopback, target["addresses"].split(",")))


def _is_loopback(name: str) -> bool:
    match = _HOST.fullmatch(name)
    if match is None:
        return False
    host = match["host"].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
