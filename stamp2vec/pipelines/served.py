"""A model as the child process of a service runs it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from stamp2vec.errors import WeightsError
from stamp2vec.pipelines.detection import YoloStampPipeline
from stamp2vec.pipelines.embedding import TvaePipeline
from stamp2vec.pipelines.pipeline import ServedPipeline
from stamp2vec.pipelines.segmentation import StampUnetPipeline

_PIPELINES: Mapping[str, type[ServedPipeline]] = {
    pipeline.task: pipeline for pipeline in (YoloStampPipeline, StampUnetPipeline, TvaePipeline)
}


def load(task: str, folder: str, device: str, sha256: str) -> Callable[[np.ndarray], list[np.ndarray]]:
    """The `infer` of a task's pipeline. WeightsError when the weights are no longer those that the parent announced."""
    pipeline = _PIPELINES[task].from_pretrained(Path(folder), device)
    if pipeline.manifest.sha256 != sha256:
        raise WeightsError(f"{folder} has changed since the server started: restart it")
    return pipeline.infer
