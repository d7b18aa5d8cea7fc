"""ONNX Runtime: the engine of CPUs, which needs no torch."""

import os
from pathlib import Path

import numpy as np
import onnxruntime

from stamp2vec import hub
from stamp2vec.engines.outputs import OUTPUTS
from stamp2vec.errors import WeightsError
from stamp2vec.hub.manifest import Manifest
from stamp2vec.values import Task

INPUT, OUTPUT = "images", "answers"


class OnnxEngine:
    """A graph whose weights are those of the safetensors file beside it, or int8 ones that were made of them."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """`manifest` is that of the folder.

        WeightsError when a file has another checksum, or the graph cannot be run or takes other pictures.
        """
        self.manifest = manifest
        path = hub.graph(folder, manifest)
        try:
            self._session = session(path)
        except Exception as error:  # its own exceptions have no class in common
            raise WeightsError(f"{path} cannot be run by ONNX Runtime {onnxruntime.__version__}: {error}") from error
        taken, given = self._session.get_inputs(), self._session.get_outputs()
        if [(each.name, each.type) for each in taken] != [(INPUT, "tensor(uint8)")] or OUTPUT not in [
            each.name for each in given
        ]:
            raise WeightsError(f"{path} does not make {OUTPUT} of {INPUT}: export it with python -m training.export")
        shape, size = taken[0].shape[1:], [manifest.input_height, manifest.input_width]
        if manifest.task is not Task.READ and shape != [*size, 3]:  # readers take lines of any width
            raise WeightsError(f"{path} takes pictures of {shape}: export it with python -m training.export")
        self._outputs = OUTPUTS[manifest.task]

    def infer(self, batch: np.ndarray) -> list[np.ndarray]:
        """See Infer."""
        (answers,) = self._session.run([OUTPUT], {INPUT: batch})
        return self._outputs(answers)


def session(graph: Path | bytes) -> onnxruntime.InferenceSession:
    """A network on this process's CPUs, on as many threads as OMP_NUM_THREADS says, else one for each of them.

    Threads that wait do not spin, which would cost others their cores.
    """
    options = onnxruntime.SessionOptions()
    # By default ONNX Runtime 1.32 counts, and pins threads to, cores that the process may not use.
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS") or _cores())
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _cores() -> int:
    """That this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
