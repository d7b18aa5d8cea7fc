"""A model service as a process: what all of them share beyond the runtime, which knows no models."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import grpc.aio
import numpy as np
from numpy.typing import NDArray

from services.decoders import PictureDecoding
from services.runtime.oip import servicer as oip
from services.runtime.oip.signature import Signature
from services.runtime.serving import server
from services.runtime.serving import settings as settings_loader
from services.runtime.serving.model_service import ModelService
from services.runtime.serving.served_model import ModelSpec
from services.runtime.serving.settings import ModelServerSettings
from services.table import ServiceSpec
from stamp2vec import hub
from stamp2vec.engines import check_task
from stamp2vec.errors import MissingExtra, WeightsError
from stamp2vec.imaging import Page, whole
from stamp2vec.v1 import common_pb2
from stamp2vec.values import ModelInfo, Task
from stamp2vec.wire.images import page_from_image

Place = TypeVar("Place")


def app(
    spec: ServiceSpec,
    settings: ModelServerSettings,
    register: Callable[[ModelService[Place], grpc.aio.Server], None],
    fit: Callable[[Page, tuple[int, int]], tuple[NDArray[np.uint8], Place]],
    signature: Callable[[ModelInfo], Signature[Place]],
) -> ModelService[Place]:
    """What `server.main` runs; `register` adds the servicer, `fit` makes an input, (height, width), of a picture.

    `signature` is what a model takes and gives by the Open Inference Protocol.
    """

    def prepare(message: common_pb2.Image, field: str, size: tuple[int, int]) -> tuple[NDArray[np.uint8], Place]:
        return fit(page_from_image(message, field), size)

    def fit_pixels(pixels: NDArray[np.uint8], size: tuple[int, int]) -> tuple[NDArray[np.uint8], Place]:
        return fit(whole(pixels), size)

    def register_all(models: ModelService[Place], server: grpc.aio.Server) -> None:
        register(models, server)
        oip.register(models, server, signature, fit_pixels)

    return ModelService(
        spec.full_name,
        register_all,
        partial(describe, spec.tasks, settings.device),
        prepare,
        PictureDecoding(settings, fit, of_pages=Task.DETECT in spec.tasks),
        settings,
        (oip.SERVICE,),
    )


def main(spec: ServiceSpec, make_app: Callable[[ModelServerSettings], ModelService[Place]]) -> int:
    """Serves by the settings of the command line and the environment; by default all bundled models of its tasks."""
    try:
        bundled = tuple(name for task in spec.tasks for name in hub.bundled_names(task))
    except (MissingExtra, WeightsError) as error:
        print(f"python -m services.{spec.name}: {error}", file=sys.stderr)
        return 1
    defaults = {"port": spec.port, "metrics_port": spec.metrics_port, "model": bundled}
    chosen = settings_loader.load(ModelServerSettings, f"python -m services.{spec.name}", defaults=defaults)
    return server.main(make_app(chosen), chosen)


def describe(tasks: Sequence[Task], device: str, reference: str) -> ModelSpec:
    """A model by its reference: what callers see of it, and what loads it in a child process.

    Raises what `hub.find` raises, and WeightsError when the model does none of the tasks."""
    folder = hub.find(reference)
    manifest = hub.read_manifest(folder)
    check_task(manifest, *tasks)
    arguments = {"task": manifest.task.value, "folder": str(folder), "device": device, "sha256": manifest.sha256}
    return ModelSpec(manifest.info, "stamp2vec.engines:load_infer", arguments)
