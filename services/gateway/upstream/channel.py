"""Channels to other services, that spread calls over replicas, retry and heal."""

import json

import grpc
import grpc.aio

from stamp2vec.limits import MAX_MESSAGE_BYTES


def channel(address: str, service: str, credentials: grpc.ChannelCredentials | None = None) -> grpc.aio.Channel:
    """A channel to all replicas that the address resolves to, in turn, leaving out those that are not SERVING.

    UNAVAILABLE is retried up to 3 times within the deadline, unless the server forbids it by pushback; see the
    gRFCs A6 (retries) and A17 (client-side health checking). Without credentials it speaks in clear text.
    """
    config = {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": service},
        "methodConfig": [
            {
                "name": [{"service": service}],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
    options = [
        ("grpc.service_config", json.dumps(config)),
        # gRPC never retries a request that is larger than this buffer, 256 KiB by default: every page is.
        ("grpc.per_rpc_retry_buffer_size", MAX_MESSAGE_BYTES),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        # A replica that comes back, or a new one, is found within seconds instead of minutes.
        ("grpc.enable_http_proxy", 0),  # a proxy of the environment leads out of the network that they are in
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 1_000),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.dns_min_time_between_resolutions_ms", 2_000),
        # A replica that hangs, or that nothing reaches, is left within 11 s, and its calls go to others. Servers take a
        # ping every 5 s. Without the last option keepalive ended no call to a server that was stopped (grpcio 1.85.1,
        # `tests/chaos -k hangs`).
        ("grpc.keepalive_time_ms", 6_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.http2.ping_timeout_ms", 5_000),
    ]
    if credentials is None:
        return grpc.aio.insecure_channel(address, options)
    return grpc.aio.secure_channel(address, credentials, options)
