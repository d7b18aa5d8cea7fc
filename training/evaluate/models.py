"""Loads models to evaluate: those of the library, and folders that `training.baselines` has written.

`python -m training.evaluate.models PRESET` prints the score from which on the preset finds stamps by default.
"""

import sys

from torch import nn

from stamp2vec import engines, hub
from stamp2vec.engines import Engine
from stamp2vec.engines.torch import TorchEngine
from stamp2vec.hub.manifest import Manifest
from stamp2vec.pipelines import DetectionPipeline, EmbeddingPipeline, SegmentationPipeline, VerificationPipeline
from stamp2vec.values import Preset, Task
from training.baselines import tvae, yolo_stamp

PUBLISHED: dict[str, type[nn.Module]] = {
    yolo_stamp.NAME: yolo_stamp.PublishedYoloStamp,
    tvae.NAME: tvae.PublishedTvae,
}
"""Architectures that the library does not serve."""


def described(reference: str) -> Manifest:
    """The manifest of a model; errors as for `hub.find` and `hub.read_manifest`."""
    return hub.read_manifest(hub.find(reference))


def detector(reference: str) -> DetectionPipeline:
    """A detector by its name, folder or address, with the refiner measured with it; errors as for `engines.load`."""
    return DetectionPipeline.refined(_engine(reference, Task.DETECT))


def embedder(reference: str) -> EmbeddingPipeline:
    """An embedder by its name, folder or address; errors as for `engines.load`."""
    return EmbeddingPipeline(_engine(reference, Task.EMBED))


def segmenter(reference: str) -> SegmentationPipeline:
    """A segmenter by its name, folder or address; errors as for `engines.load`."""
    return SegmentationPipeline(_engine(reference, Task.SEGMENT))


def verifier(reference: str) -> VerificationPipeline:
    """A pair network by its name, folder or address; errors as for `engines.load`."""
    return VerificationPipeline(_engine(reference, Task.VERIFY))


def _engine(reference: str, task: Task) -> Engine:
    architecture = described(reference).architecture
    if architecture in PUBLISHED:
        return TorchEngine(*hub.load(reference), network=PUBLISHED[architecture]())
    return engines.load(reference, task)


if __name__ == "__main__":
    print(DetectionPipeline.from_pretrained(hub.for_preset(Task.DETECT, Preset(sys.argv[1])).reference).threshold)
