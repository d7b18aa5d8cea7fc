"""python -m training.quantise FOLDER --cuts DIR: gives the segmenter in a folder a graph that computes in int8.

The graph of `training.export` with its weights as int8, a scale for each output channel, and its activations as uint8,
whose ranges are those of crops from the training split (`training.synth.cut_shards`). Weights take 7 bits: processors
without VNNI add two products in 16 bits, which 8 bits would exceed. docs/decisions/0042 has what it costs, and why the
other networks stay in float.
"""

import argparse
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from stamp2vec import hub
from stamp2vec.engines.onnx import INPUT
from stamp2vec.hub.manifest import INT8, Manifest
from stamp2vec.imaging import letterbox
from stamp2vec.values import Task
from training.export import export
from training.synth import cut_shards

CROPS = 64
# All that a segmenter does between its first convolution and its last: a step in float between two of int8 costs more
# than it computes.
_OPERATORS = ["Add", "Clip", "Concat", "Conv", "MaxPool", "Mul", "Relu", "Resize"]


def quantise(folder: Path, crops: Sequence[np.ndarray]) -> Manifest:
    """Writes model.onnx anew; `crops` are uint8 (h, w, 3). Returns the manifest. Errors as for `hub.load`."""
    manifest = hub.read_manifest(folder)
    if manifest.task is not Task.SEGMENT:
        raise ValueError(f"{manifest.reference} is no segmenter: its answers lose too much in int8")
    if not crops:
        raise ValueError("there are no crops: the ranges of activations are those of crops")
    export(folder)
    size = (manifest.input_height, manifest.input_width)
    with tempfile.TemporaryDirectory() as name:
        whole, folded, quantised = (Path(name, f"{step}.onnx") for step in ("whole", "folded", "quantised"))
        onnx.save(onnx.load(folder / hub.GRAPH), whole)  # with its weights
        _fold(whole, folded)
        quant_pre_process(folded, folded, skip_optimization=True, skip_symbolic_shape=True)
        quantize_static(
            folded,
            quantised,
            _Pictures([letterbox(crop, size)[0] for crop in crops]),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_OPERATORS,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return hub.save_graph(folder, quantised.read_bytes(), precision=INT8)


class _Pictures(CalibrationDataReader):  # type: ignore[misc]  # it has no types
    def __init__(self, pictures: Sequence[np.ndarray]) -> None:
        self._left: Iterator[np.ndarray] = iter(pictures)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """A batch of one; None after the last."""
        picture = next(self._left, None)
        return None if picture is None else {INPUT: picture[None]}


def _fold(graph: Path, folded: Path) -> None:
    """Computes what stands on weights alone: a convolution's weights are then its own, and can be made int8."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folded)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="+", type=Path, help="with model.safetensors and manifest.json of a segmenter")
    parser.add_argument("--cuts", type=Path, required=True, help="rendered crops of training.synth.cut_shards")
    chosen = parser.parse_args()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # as in training.export
    found = cut_shards.read(chosen.cuts).pixels
    if not found:
        parser.error(f"there are no crops in {chosen.cuts}")
    spread = np.linspace(0, len(found) - 1, min(CROPS, len(found))).astype(int)
    crops = [np.ascontiguousarray(found[index][..., :3]) for index in spread]
    for folder in chosen.folder:
        manifest = quantise(folder, crops)
        print(f"{manifest.reference}: {(folder / hub.GRAPH).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
