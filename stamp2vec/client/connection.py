"""How clients reach a gateway: channel options, and the token that goes with every call."""

import json

from stamp2vec.errors import InvalidInput
from stamp2vec.limits import MAX_MESSAGE_BYTES
from stamp2vec.v1 import gateway_pb2

Metadata = tuple[tuple[str, str], ...]

_SERVICE = str(gateway_pb2.DESCRIPTOR.services_by_name["StampService"].full_name)

# https://grpc.io/docs/guides/service-config/ : spread the calls over the gateways that say SERVING, and send again what
# no server has begun.
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

OPTIONS = [
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # gRPC never retries a request that is larger than this buffer, 256 KiB by default: most documents are.
    ("grpc.per_rpc_retry_buffer_size", MAX_MESSAGE_BYTES),
]


def metadata(address: str, token: str | None, *, encrypted: bool) -> Metadata:
    """What goes with every call. InvalidInput for a token that others on the way could read, or that is none."""
    if token is None:
        return ()
    if not token.isascii() or not token.isprintable() or not token.strip():
        raise InvalidInput("the token has characters that no token has: pass it as it was issued", "token")
    if not encrypted and not _is_local(address):
        raise InvalidInput(
            f"a token must not travel to {address} without TLS: pass credentials, such as "
            "grpc.ssl_channel_credentials()",
            "token",
        )
    return (("authorization", f"Bearer {token.strip()}"),)


def _is_local(address: str) -> bool:
    """Whether a gRPC target names nothing but this machine."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    names = address.rpartition("/")[2].removeprefix("ipv4:").removeprefix("ipv6:").removeprefix("dns:")
    hosts = [name.rpartition(":")[0] or name for name in names.split(",")]
    return all(host in ("localhost", "[::1]") or host.startswith("127.") for host in hosts)
