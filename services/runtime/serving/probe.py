"""`python -m services.runtime.serving.probe ADDRESS [NAME]`: exit code 0 if grpc.health.v1 is SERVING there, else 1.

For a container alone, which has no kubelet to ask: the HEALTHCHECK of the images.
"""

import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

_TIMEOUT_S = 3.0


def main(address: str, name: str = "") -> int:
    """The exit code; what was answered goes to stdout, where container engines keep it."""
    with grpc.insecure_channel(address) as channel:
        try:
            request = health_pb2.HealthCheckRequest(service=name)
            status = health_pb2_grpc.HealthStub(channel).Check(request, timeout=_TIMEOUT_S).status
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}")
            return 1
    print(health_pb2.HealthCheckResponse.ServingStatus.Name(status))
    return 0 if status == health_pb2.HealthCheckResponse.SERVING else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
