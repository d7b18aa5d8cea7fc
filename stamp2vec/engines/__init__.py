"""Engines: a model that runs batches of arrays. Importing this imports none of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from stamp2vec import hub
from stamp2vec.errors import MissingExtra, WeightsError
from stamp2vec.hub.manifest import Manifest
from stamp2vec.values import Task

Infer = Callable[[np.ndarray], list[np.ndarray]]
"""uint8 (N, h, w, 3) at the model's input size -> one array an item, in pixels of the model's input.

The array is float32 (K, 7) as in `detection.candidates` for detectors, uint8 (h, w) for segmenters, float32 (D,) of
length 1 for embedders, uint8 (h / 8, w / 4, 2) as in `comparison.evidence` for pair networks, float32 (8,) as in
`detection.refinement` for refiners, and uint8 (n,) as in `reading.encoding` for readers.
"""


class Engine(Protocol):
    """A loaded model."""

    @property
    def manifest(self) -> Manifest:
        """What is known of it."""

    def infer(self, batch: np.ndarray, /) -> list[np.ndarray]:
        """See Infer."""


def load(reference: str | Path, task: Task, device: str = "cpu") -> Engine:
    """A model that does a task; `reference` as for `hub.find`.

    Raises ModelNotFound when there is no such model, WeightsError when its files cannot be trusted, do another task or
    do not fit their architecture, and MissingExtra where no engine is installed.
    """
    folder = hub.find(reference)
    manifest = hub.read_manifest(folder)
    check_task(manifest, task)
    network = _network(folder, manifest, device)
    if task is not Task.READ:
        return network
    try:
        from stamp2vec.engines.reading.reader import ReaderEngine

        return ReaderEngine(network)
    except ImportError as error:
        raise MissingExtra("reading stamps in this process", "read", error) from error


def _network(folder: Path, manifest: Manifest, device: str) -> Engine:
    """On a CPU by ONNX Runtime where the model has a graph, else by torch."""
    if device == "cpu" and manifest.graph_sha256:
        try:
            from stamp2vec.engines.onnx import OnnxEngine
        except ImportError as error:
            raise MissingExtra(f"{manifest.name} in this process", "local", error) from error
        return OnnxEngine(folder, manifest)
    try:
        from stamp2vec.engines.torch import TorchEngine
    except ImportError as error:
        where = f"on {device}" if manifest.graph_sha256 else f"without a {hub.GRAPH}"
        raise MissingExtra(f"{manifest.name} {where}", "torch", error) from error
    return TorchEngine(*hub.load(folder), device=device)


def check_task(manifest: Manifest, *tasks: Task) -> None:
    """WeightsError when a model does none of the tasks."""
    if manifest.task not in tasks:
        wanted = " or ".join(tasks)
        raise WeightsError(f"{manifest.reference} is made to {manifest.task}: give a model that is made to {wanted}")


def load_infer(task: str, folder: str, device: str, sha256: str) -> Infer:
    """What a service's child process runs: JSON values in, since they come by its command line.

    WeightsError when the weights are no longer those that the parent has announced.
    """
    engine = load(Path(folder), Task(task), device)
    if engine.manifest.sha256 != sha256:
        raise WeightsError(f"{folder} has changed since the server started: restart it")
    return engine.infer
