"""The four real processes on free ports, started once for all tests here, and the same models in this process.

Their weights are random and small: what they find means nothing, how it is handed on is what is tested.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from services.stack.processes import running
from stamp2vec import hub
from stamp2vec.manifest import Task
from stamp2vec.models import build
from stamp2vec.pipelines import DocumentPipeline, StampUnetPipeline, TvaePipeline, YoloStampPipeline
from stamp2vec.v1.gateway_pb2_grpc import StampServiceStub
from tests.e2e.live import SAMPLE, Running, channel
from tests.library.conftest import MODELS, manifest, sharpen

# One executor each, and queues as short as they may be: there are few cores, and overload must come soon.
OPTIONS = ("--executors", "1", "--max-batch", "4", "--capacity", "128")


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each service's model."""
    root = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for name, task, config, side, vector_size in MODELS:
        model = build(name, config).eval()
        if task is Task.DETECT:
            sharpen(model)
        hub.save(root / name, manifest(name, task, config, side, vector_size), model.state_dict())
    return {"detector": root / "yolo-stamp", "segmenter": root / "stamp-unet", "embedder": root / "tvae"}


@pytest.fixture(scope="session")
def services(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    logs = tmp_path_factory.mktemp("logs")
    options = {service: ("--model", str(folder), *OPTIONS) for service, folder in folders.items()}
    with running(options, logs) as stack, channel(stack.address("gateway").target) as open_channel:
        yield Running(stack, StampServiceStub(open_channel), logs)


@pytest.fixture(scope="session")
def pipeline(folders: dict[str, Path]) -> DocumentPipeline:
    """What the gateway's answers are held equal to."""
    return DocumentPipeline(
        YoloStampPipeline.from_pretrained(folders["detector"]),
        StampUnetPipeline.from_pretrained(folders["segmenter"]),
        TvaePipeline.from_pretrained(folders["embedder"]),
    )


@pytest.fixture(scope="session")
def page() -> bytes:
    """A letter with five stamps, two of them by one die."""
    return SAMPLE.read_bytes()
