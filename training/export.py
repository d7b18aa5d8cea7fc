"""python -m training.export FOLDER ...: adds to the weights in each folder the ONNX graph that ONNX Runtime runs.

The graph holds no weights: its initializers are the bytes of model.safetensors, at their places in that file (ONNX
external data), so a model has its numbers once. Normalisations are folded into the convolutions by nodes on weights
alone, which ONNX Runtime computes once, when it loads the graph.
"""

import argparse
import json
import logging
import struct
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx.external_data_helper import set_external_data
from onnxscript import optimizer
from torch import Tensor, nn
from torch.nn import functional as F

from stamp2vec import hub
from stamp2vec.engines.onnx import INPUT, OUTPUT
from stamp2vec.engines.torch import tensors
from stamp2vec.hub.manifest import Manifest
from stamp2vec.models import build
from stamp2vec.reading.canvas import LINE_PX
from stamp2vec.values import Task

_LINE_WIDTH_PX = 160  # of the example line: any multiple of its step will do


def export(folder: Path) -> Manifest:
    """Writes model.onnx beside the weights; returns the manifest with its checksum. Errors as for `hub.load`."""
    manifest, state = hub.load(folder)
    network = build(manifest.architecture, manifest.config).eval()
    network.load_state_dict(tensors(state))
    _fold_norms_as_nodes(network)
    reads = manifest.task is Task.READ
    size = (LINE_PX, _LINE_WIDTH_PX, 1) if reads else (manifest.input_height, manifest.input_width, 3)
    axes = {0: torch.export.Dim("pictures")} | ({2: torch.export.Dim("width")} if reads else {})
    program = torch.onnx.export(
        network,
        (torch.zeros((2, *size), dtype=torch.uint8),),  # of one picture, the exporter takes their number for fixed
        dynamo=True,
        dynamic_shapes=(axes,),
        input_names=[INPUT],
        output_names=[OUTPUT],
        optimize=False,
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch gave no graph. This is a bug.")

    def should_fold(node: Any) -> bool | None:
        """Not what stands on weights, whose numbers are to stay in their own file."""
        return False if any(value is not None and value.name in state for value in node.inputs) else None

    optimizer.optimize_ir(program.model, should_fold=should_fold)
    graph = program.model_proto
    _point_to_weights(graph, folder / hub.WEIGHTS)
    _strip(graph)
    return hub.save_graph(folder, graph.SerializeToString(deterministic=True))


def _fold_norms_as_nodes(network: nn.Module) -> None:
    """As `layers.fold_norms`, but computed in `forward`, from weights that keep their names."""
    for module in network.modules():
        for (_, conv), (_, norm) in pairwise(module.named_children()):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                conv.forward = partial(_folded, conv, norm)  # type: ignore[method-assign]
                norm.forward = _same  # type: ignore[method-assign, assignment]


def _folded(conv: nn.Conv2d, norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    if norm.running_mean is None or norm.running_var is None:
        raise RuntimeError("a normalisation without statistics. This is a bug.")
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    mean = norm.running_mean if conv.bias is None else norm.running_mean - conv.bias
    weight = conv.weight * scale.reshape(-1, 1, 1, 1)
    return F.conv2d(x, weight, norm.bias - mean * scale, conv.stride, conv.padding, conv.dilation, conv.groups)


def _same(x: Tensor) -> Tensor:
    return x


def _point_to_weights(graph: onnx.ModelProto, weights: Path) -> None:
    """Replaces the numbers of each weight by its place in the safetensors file: a size of 8 bytes, a table, numbers."""
    data = weights.read_bytes()
    (table_size,) = struct.unpack("<Q", data[:8])
    table = json.loads(data[8 : 8 + table_size])
    for tensor in graph.graph.initializer:
        if tensor.name not in table:
            continue
        first, last = table[tensor.name]["data_offsets"]
        start = 8 + table_size + first
        if tensor.raw_data != data[start : start + last - first]:
            raise RuntimeError(f"{tensor.name} has other numbers in the graph. This is a bug.")
        set_external_data(tensor, weights.name, offset=start, length=last - first)
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL


def _strip(model: onnx.ModelProto) -> None:
    """What the exporter notes of its own run: places in the source, and shapes that the graph implies."""
    graph = model.graph
    del graph.value_info[:]
    parts: list[Any] = [model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer]
    for part in parts:
        del part.metadata_props[:]
        part.doc_string = ""


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="+", type=Path, help="with model.safetensors and manifest.json")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it names packages that it would use if they were there
    for folder in parser.parse_args().folder:
        manifest = export(folder)
        print(f"{manifest.reference}: {(folder / hub.GRAPH).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
