"""The model as its child process runs it."""

from pathlib import Path

from services.runtime.executor_child import Infer
from stamp2vec.errors import WeightsError
from stamp2vec.pipelines import TvaePipeline


def load(folder: str, device: str, sha256: str) -> Infer:
    """The pipeline's `infer`. Raises WeightsError when the weights are no longer those that the parent announced."""
    pipeline = TvaePipeline.from_pretrained(Path(folder), device)
    if pipeline.manifest.sha256 != sha256:
        raise WeightsError(f"{folder} has changed since the server started: restart it")
    return pipeline.infer
