"""The four real processes on free ports, started once for all tests here, and the same models in this process.

Their weights are random and small: what they find means nothing, how it is handed on is what is tested. Those of the
pair network are set by hand.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from services.stack.processes import running
from services.table import MODEL_SERVICE_NAMES, service_of
from stamp2vec import engines, hub
from stamp2vec.calibration import RefinementCalibration, Verification
from stamp2vec.models import build
from stamp2vec.pipelines import (
    DetectionPipeline,
    DocumentPipeline,
    EmbeddingPipeline,
    RefinementPipeline,
    SegmentationPipeline,
    VerificationPipeline,
)
from stamp2vec.v1.gateway_pb2_grpc import StampServiceStub
from stamp2vec.values import Preset, Task, Views
from tests.e2e.live import SAMPLE, Running, channel
from tests.library.conftest import MODELS, manifest, network

# One executor each, and queues as short as they may be: there are few cores, and overload must come soon. Tests stop
# executors for longer than one may hang.
OPTIONS = ("--executors", "1", "--max-batch", "4", "--capacity", "128", "--stuck-after-s", "600")


# Random weights make vectors that are all alike: ink is compared where they are next to the same, as it takes long.
VERIFICATION = Verification(((0.999, 0.0), (0.9999, 1.0)), 0.5, 0.2, {"0.01": 0.999})

# The detector's scores are kept nearly as they are: what the refiner adds is to be seen, and to leave stamps apart.
REFINEMENT = RefinementCalibration("yolo-stamp@0.0.1", 0.0, 1.0, 0.1, box_share=0.25, threshold=0.7)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each model, by its name; detectors serve one preset each, the others both."""
    root = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for name, task, config, side, vector_size in MODELS:
        presets = (Preset.FAST,) if task is Task.DETECT else tuple(Preset)
        described = replace(manifest(name, task, config, side, vector_size), presets=presets)
        if task is Task.EMBED:
            described = replace(described, verification=VERIFICATION)
        hub.save(root / name, described, network(name, task, config).state_dict())
    accurate = build("stamp-yolo", {"width": 4}).eval()
    for layer in accurate.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)  # else a signal dies on its way through so many fresh layers
    described = replace(manifest("stamp-yolo", Task.DETECT, {"width": 4}, 320, 0), presets=(Preset.ACCURATE,))
    described = replace(described, views=Views.WHOLE_AND_TILES)
    hub.save(root / "stamp-yolo", replace(described, threshold=0.3), accurate.state_dict())
    described = replace(manifest("stamp-refine", Task.REFINE, {}, 128, 0), presets=tuple(Preset))
    described = replace(described, refinement_calibrations=(REFINEMENT,))
    hub.save(root / "stamp-refine", described, build("stamp-refine", {}).state_dict())
    return {folder.name: folder for folder in root.iterdir()}


@pytest.fixture(scope="package")
def services(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    logs = tmp_path_factory.mktemp("logs")
    options = {service: [*OPTIONS] for service in MODEL_SERVICE_NAMES}
    for name in (*(name for name, *_ in MODELS), "stamp-yolo", "stamp-refine"):
        task = hub.read_manifest(folders[name]).task
        options[service_of(task).name] += ["--model", str(folders[name])]
    with running(options, logs) as stack, channel(stack.address("gateway").target) as open_channel:
        yield Running(stack, StampServiceStub(open_channel), logs)


@pytest.fixture(scope="session")
def pipeline(folders: dict[str, Path]) -> DocumentPipeline:
    """What the gateway's answers are held equal to."""
    refiner = RefinementPipeline.from_pretrained(folders["stamp-refine"])
    return _pipeline(folders, DetectionPipeline(engines.load(folders["yolo-stamp"], Task.DETECT), refiner))


@pytest.fixture(scope="session")
def accurate_pipeline(folders: dict[str, Path]) -> DocumentPipeline:
    """The same of the accurate preset."""
    return _pipeline(folders, DetectionPipeline.from_pretrained(folders["stamp-yolo"]))


def _pipeline(folders: dict[str, Path], detector: DetectionPipeline) -> DocumentPipeline:
    return DocumentPipeline(
        detector,
        SegmentationPipeline.from_pretrained(folders["stamp-unet"]),
        EmbeddingPipeline.from_pretrained(folders["tvae"]),
        VerificationPipeline.from_pretrained(folders["stamp-pair"]),
    )


@pytest.fixture(scope="session")
def page() -> bytes:
    """A letter with five stamps, two of them by one die."""
    return SAMPLE.read_bytes()
