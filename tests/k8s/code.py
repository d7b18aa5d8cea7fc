"""What the code itself says of the services: their settings, health names and contract."""

import dataclasses
import importlib
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]
from opentelemetry.sdk import environment_variables

from services.detector.__main__ import DetectorSettings
from services.embedder.__main__ import EmbedderSettings
from services.gateway.settings import GatewaySettings
from services.runtime.settings import ServerSettings
from services.segmenter.__main__ import SegmenterSettings
from services.stack.processes import MODEL_SERVICES

SETTINGS: dict[str, type[ServerSettings]] = {
    "gateway": GatewaySettings,
    "detector": DetectorSettings,
    "segmenter": SegmenterSettings,
    "embedder": EmbedderSettings,
}
UPSTREAMS = [field.name for field in dataclasses.fields(GatewaySettings) if field.name in MODEL_SERVICES]
"""Whom the gateway calls."""


def default(service: str, setting: str) -> Any:
    """Of a setting."""
    return next(field.default for field in dataclasses.fields(SETTINGS[service]) if field.name == setting)


def variables(service: str) -> set[str]:
    """Those that the service reads: its own, and OpenTelemetry's."""
    own = {f"STAMP2VEC_{field.name.upper()}" for field in dataclasses.fields(SETTINGS[service])}
    return own | {name for name in vars(environment_variables) if name.startswith("OTEL_")}


def contract(service: str) -> ServiceDescriptor:
    """The service in the contract."""
    module = importlib.import_module(f"stamp2vec.v1.{service}_pb2")
    (found,) = module.DESCRIPTOR.services_by_name.values()
    descriptor: ServiceDescriptor = found
    return descriptor


def methods() -> set[str]:
    """Every method that the processes answer: "/package.Service/Method"."""
    descriptors = [*map(contract, SETTINGS), *health_pb2.DESCRIPTOR.services_by_name.values()]
    return {f"/{each.full_name}/{method.name}" for each in descriptors for method in each.methods}
