"""The table of model services: upstreams, settings, stack, images and tests follow from it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from stamp2vec.v1 import detector_pb2, embedder_pb2, reader_pb2, segmenter_pb2
from stamp2vec.v1.detector_pb2_grpc import DetectorServiceStub
from stamp2vec.v1.embedder_pb2_grpc import EmbedderServiceStub
from stamp2vec.v1.reader_pb2_grpc import ReaderServiceStub
from stamp2vec.v1.segmenter_pb2_grpc import SegmenterServiceStub
from stamp2vec.values import Task


@dataclass(frozen=True, slots=True)
class Extra:
    """An extra of the library beside those that every model service needs, and the packages that come with it."""

    name: str
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service that serves the models of some tasks, from the folder `services/<name>`.

    It has the method ListModels beside those of its tasks. The ports are the defaults of its settings. One that needs
    an `extra` is not part of every deployment.
    """

    name: str
    tasks: tuple[Task, ...]
    contract: ServiceDescriptor
    stub: Callable[[Any], Any]
    port: int
    metrics_port: int
    extra: Extra | None = None

    @property
    def is_installed(self) -> bool:
        """Whether it can be started here."""
        return self.extra is None or all(find_spec(package) is not None for package in self.extra.packages)

    @property
    def full_name(self) -> str:
        """In gRPC, and in health: `stamp2vec.v1.DetectorService`."""
        return str(self.contract.full_name)

    def list_models_request(self) -> Message:
        """The request of its ListModels."""
        return GetMessageClass(self.contract.methods_by_name["ListModels"].input_type)()


def _contract(module: Any) -> ServiceDescriptor:
    (service,) = module.DESCRIPTOR.services_by_name.values()
    found: ServiceDescriptor = service
    return found


_READ = Extra("read", ("onnxruntime", "rapidocr"))

MODEL_SERVICES = (
    ServiceSpec("detector", (Task.DETECT, Task.REFINE), _contract(detector_pb2), DetectorServiceStub, 50051, 9101),
    ServiceSpec("segmenter", (Task.SEGMENT,), _contract(segmenter_pb2), SegmenterServiceStub, 50052, 9102),
    ServiceSpec("embedder", (Task.EMBED, Task.VERIFY), _contract(embedder_pb2), EmbedderServiceStub, 50053, 9103),
    ServiceSpec("reader", (Task.READ,), _contract(reader_pb2), ReaderServiceStub, 50054, 9105, _READ),
)


MODEL_SERVICE_NAMES = tuple(spec.name for spec in MODEL_SERVICES)


def service_of(task: Task) -> ServiceSpec:
    """The service whose models do a task."""
    return next(spec for spec in MODEL_SERVICES if task in spec.tasks)
