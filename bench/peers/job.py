"""What every server in the race does for a request: one picture in, the numbers of its answer out."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stamp2vec import hub
from stamp2vec.detection.candidates import detections
from stamp2vec.engines import Engine
from stamp2vec.imaging import View, letterboxed, whole
from stamp2vec.limits import DEFAULT_MAX_OVERLAP
from stamp2vec.values import Detection, InkColour, StampType, Task

INPUT, OUTPUT = "images", "answers"
"""The tensors of the Open Inference Protocol."""

REQUEST_TIMEOUT_S = 60.0
"""In servers that have a bound of their own: mosec's 3 s are too few for 64 callers on a busy machine."""

_VARIABLE = "STAMP2VEC_PEER_JOB"
_TYPES, _INKS = tuple(StampType), (None, *InkColour)

Answer = NDArray[np.float32]
"""Of a detector, 8 numbers a stamp: box, score, angle, type, ink; of an embedder, its vector. One dimension."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a server is to serve; it is told by an environment variable, which reaches all of its processes."""

    model: str
    engine: str
    """`onnx` or `torch`."""
    instances: int
    """Of the model, each a process with one thread."""
    max_batch: int
    max_wait_ms: int | None
    """How long an item may wait for others of its batch; None for the server's own default."""
    port: int

    @classmethod
    def from_environment(cls) -> "Job":
        """That of this process."""
        return cls(**json.loads(os.environ[_VARIABLE]))

    def to_environment(self) -> dict[str, str]:
        """What a server is started with."""
        return {_VARIABLE: json.dumps(asdict(self))}


class Work:
    """A loaded model, with all that a service of ours does for a raw picture of its input size."""

    def __init__(self, job: Job) -> None:
        folder = hub.find(job.model)
        self._engine = _engine(folder, job.engine)
        self.manifest = self._engine.manifest

    def answers(self, pictures: Sequence[bytes]) -> list[Answer]:
        """Of a batch; a picture is uint8 (height, width, 3), row by row."""
        manifest = self.manifest
        size = (manifest.input_height, manifest.input_width)
        images = np.stack([np.frombuffer(picture, np.uint8).reshape(*size, 3) for picture in pictures])
        results = self._engine.infer(images)
        if manifest.task is Task.EMBED:
            return results
        return [self._of_stamps(candidates, image) for candidates, image in zip(results, images, strict=True)]

    def _of_stamps(self, candidates: np.ndarray, image: NDArray[np.uint8]) -> Answer:
        height, width = image.shape[:2]
        pixels, place = letterboxed(whole(image), (height, width))
        view = View(pixels, place, 0, 0, width, height)
        return numbers(detections(candidates, view, self.manifest.threshold, DEFAULT_MAX_OVERLAP))


def numbers(stamps: Sequence[Detection]) -> Answer:
    """The answer of a detector."""
    rows = [
        [*each.box, each.score, each.angle_degrees, _TYPES.index(each.type), _INKS.index(each.ink_colour)]
        for each in stamps
    ]
    return np.array(rows, np.float32).reshape(-1)


def _engine(folder: Path, engine: str) -> Engine:
    if engine == "onnx":
        from stamp2vec.engines.onnx import OnnxEngine

        return OnnxEngine(folder, hub.read_manifest(folder))
    from stamp2vec.engines.torch import TorchEngine

    return TorchEngine(*hub.load(folder))
