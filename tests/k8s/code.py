"""The services as the code defines them: settings, health names and contract."""

import dataclasses
import importlib
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]
from opentelemetry.sdk import environment_variables

from services.gateway.settings import GatewaySettings
from services.runtime.serving import settings
from services.runtime.serving.settings import ModelServerSettings
from services.table import MODEL_SERVICE_NAMES, MODEL_SERVICES
from services.web.settings import WebSettings

SETTINGS: dict[str, type[Any]] = {
    "gateway": GatewaySettings,
    "web": WebSettings,
    **dict.fromkeys(MODEL_SERVICE_NAMES, ModelServerSettings),
}
UPSTREAMS = [
    spec.name
    for spec in MODEL_SERVICES
    if spec.extra is None and f"{settings.PREFIX}{spec.name.upper()}" in settings.variables(GatewaySettings)
]
"""The services that the gateway always calls."""


def default(service: str, setting: str) -> Any:
    """The default of a setting."""
    for spec in MODEL_SERVICES:
        if spec.name == service and setting in ("port", "metrics_port"):
            return getattr(spec, setting)
    return next(field.default for field in dataclasses.fields(SETTINGS[service]) if field.name == setting)


def variables(service: str) -> set[str]:
    """The environment variables that the service reads: its own, and OpenTelemetry's."""
    own = settings.variables(SETTINGS[service])
    return own | {name for name in vars(environment_variables) if name.startswith("OTEL_")}


def contract(service: str) -> ServiceDescriptor:
    """The service in the contract."""
    module = importlib.import_module(f"stamp2vec.v1.{service}_pb2")
    (found,) = module.DESCRIPTOR.services_by_name.values()
    descriptor: ServiceDescriptor = found
    return descriptor


def methods() -> set[str]:
    """Every method that the processes serve: "/package.Service/Method"."""
    descriptors = [*map(contract, ("gateway", *MODEL_SERVICE_NAMES)), *health_pb2.DESCRIPTOR.services_by_name.values()]
    return {f"/{each.full_name}/{method.name}" for each in descriptors for method in each.methods}
