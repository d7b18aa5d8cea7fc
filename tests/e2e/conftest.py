"""The four real processes on free ports, started once for all tests here, and the same models in this process.

Their weights are random and small: what they find means nothing, how it is handed on is what is tested.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from services.stack.processes import running
from services.table import MODEL_SERVICE_NAMES
from stamp2vec import hub
from stamp2vec.models import build
from stamp2vec.pipelines import DetectionPipeline, DocumentPipeline, EmbeddingPipeline, SegmentationPipeline
from stamp2vec.v1.gateway_pb2_grpc import StampServiceStub
from stamp2vec.values import Preset, Task, Verification, Views
from tests.e2e.live import SAMPLE, Running, channel
from tests.library.conftest import MODELS, manifest, sharpen

# One executor each, and queues as short as they may be: there are few cores, and overload must come soon.
OPTIONS = ("--executors", "1", "--max-batch", "4", "--capacity", "128")


# Random weights make vectors that are all alike: probabilities rise where these similarities lie.
VERIFICATION = Verification(((0.9, 0.0), (0.99, 0.5), (0.9999, 1.0)), 0.5, 0.2, {"0.01": 0.999})


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each service's model, and of the detector of the accurate preset; the others serve both."""
    root = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for name, task, config, side, vector_size in MODELS:
        model = build(name, config).eval()
        if task is Task.DETECT:
            sharpen(model)
        presets = (Preset.FAST,) if task is Task.DETECT else tuple(Preset)
        described = replace(manifest(name, task, config, side, vector_size), presets=presets)
        if task is Task.EMBED:
            described = replace(described, verification=VERIFICATION)
        hub.save(root / name, described, model.state_dict())
    accurate = build("stamp-yolo", {"width": 4}).eval()
    for layer in accurate.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)  # else a signal dies on its way through so many fresh layers
    described = replace(manifest("stamp-yolo", Task.DETECT, {"width": 4}, 320, 0), presets=(Preset.ACCURATE,))
    described = replace(described, views=Views.WHOLE_AND_TILES)
    hub.save(root / "stamp-yolo", replace(described, threshold=0.3), accurate.state_dict())
    return {
        "detector": root / "yolo-stamp",
        "accurate": root / "stamp-yolo",
        "segmenter": root / "stamp-unet",
        "embedder": root / "tvae",
    }


@pytest.fixture(scope="session")
def services(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    logs = tmp_path_factory.mktemp("logs")
    models = {service: [folders[service]] for service in MODEL_SERVICE_NAMES}
    models["detector"].append(folders["accurate"])
    options = {
        service: (*(part for folder in served for part in ("--model", str(folder))), *OPTIONS)
        for service, served in models.items()
    }
    with running(options, logs) as stack, channel(stack.address("gateway").target) as open_channel:
        yield Running(stack, StampServiceStub(open_channel), logs)


@pytest.fixture(scope="session")
def pipeline(folders: dict[str, Path]) -> DocumentPipeline:
    """What the gateway's answers are held equal to."""
    return _pipeline(folders, "detector")


@pytest.fixture(scope="session")
def accurate_pipeline(folders: dict[str, Path]) -> DocumentPipeline:
    """The same of the accurate preset."""
    return _pipeline(folders, "accurate")


def _pipeline(folders: dict[str, Path], detector: str) -> DocumentPipeline:
    return DocumentPipeline(
        DetectionPipeline.from_pretrained(folders[detector]),
        SegmentationPipeline.from_pretrained(folders["segmenter"]),
        EmbeddingPipeline.from_pretrained(folders["embedder"]),
    )


@pytest.fixture(scope="session")
def page() -> bytes:
    """A letter with five stamps, two of them by one die."""
    return SAMPLE.read_bytes()
