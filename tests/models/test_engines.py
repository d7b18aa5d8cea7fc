"""What ONNX Runtime answers is what PyTorch answers, and what it refuses."""

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from stamp2vec import engines, hub
from stamp2vec.engines.onnx import OnnxEngine
from stamp2vec.engines.torch import TorchEngine
from stamp2vec.errors import WeightsError
from stamp2vec.hub.manifest import Manifest
from stamp2vec.models import build
from stamp2vec.reading.canvas import LINE_PX
from stamp2vec.values import Preset, Task
from tests.conftest import ROOT
from tests.library.conftest import manifest
from training.export import export
from training.quantise import quantise

SAMPLE = ROOT / "docs/sample/page.jpg"
NETWORKS = [model for model in hub.bundled() if model.task not in (Task.READ, Task.ERASE)]


def pictures(height: int, width: int) -> np.ndarray:
    """uint8 (3, height, width, 3) of the sample page: all of it, and two parts with stamps."""
    page = Image.open(SAMPLE).convert("RGB")
    parts = (page, page.crop((0, 900, 600, 1700)), page.crop((500, 100, 1200, 600)))
    return np.stack([np.asarray(part.resize((width, height))) for part in parts])


@pytest.mark.parametrize("model", NETWORKS, ids=lambda model: model.name)
def test_both_engines_answer_the_same(model: Manifest) -> None:
    folder = hub.find(model.reference)
    batch = pictures(model.input_height, model.input_width)
    ours, reference = OnnxEngine(folder, model).infer(batch), TorchEngine(*hub.load(folder)).infer(batch)
    for one, other in zip(ours, reference, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        if model.graph_precision:
            assert ((one > 127) != (other > 127)).mean() < 0.01
            assert abs(one.astype(int) - other).mean() < 2
        elif one.dtype == np.uint8:
            assert abs(one.astype(int) - other).max() <= 1
        elif model.task is Task.DETECT:
            assert len(one) > 5
            np.testing.assert_allclose(one[:, :5], other[:, :5], rtol=1e-4, atol=1e-2)
        else:
            np.testing.assert_allclose(one, other, atol=1e-2 if model.task is Task.REFINE else 1e-5)


@pytest.mark.parametrize("width", [16, 200])
def test_both_engines_see_the_same_in_lines_of_any_width(width: int) -> None:
    folder = hub.find("stamp-reader")
    described = hub.read_manifest(folder)
    lines = np.ascontiguousarray(pictures(LINE_PX, width)[..., :1])
    ours, reference = OnnxEngine(folder, described).infer(lines), TorchEngine(*hub.load(folder)).infer(lines)
    np.testing.assert_allclose(ours, reference, atol=1e-4)


@pytest.mark.parametrize("model", NETWORKS, ids=lambda model: model.name)
def test_an_item_does_not_depend_on_its_batch(model: Manifest) -> None:
    engine = OnnxEngine(hub.find(model.reference), model)
    batch = pictures(model.input_height, model.input_width)
    for together, item in zip(engine.infer(batch), batch, strict=True):
        (alone,) = engine.infer(item[None])
        np.testing.assert_allclose(together.astype(float), alone, atol=1 if together.dtype == np.uint8 else 2e-4)


def test_no_preset_needs_torch() -> None:
    """Not even safetensors: a base install with onnxruntime has neither."""
    program = """
import sys
sys.modules["torch"] = sys.modules["safetensors"] = None  # importing them fails
from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.values import Preset
for preset in Preset:
    result = DocumentPipeline.from_preset(preset)(sys.argv[1], include_masks=True)
    assert len(result.pages[0].stamps) > 2
"""
    done = subprocess.run([sys.executable, "-c", program, SAMPLE], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    torch.manual_seed(3)
    described = manifest("stamp-unet", Task.SEGMENT, {"width": 8}, 64, 0)
    hub.save(folder, described, build("stamp-unet", {"width": 8}).state_dict())
    export(folder)
    return folder


@pytest.fixture(scope="module")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled segmenter, its ranges measured on other pictures than those of the tests."""
    folder = Path(shutil.copytree(hub.find("stamp-unet"), tmp_path_factory.mktemp("quantised") / "model"))
    page = np.asarray(Image.open(SAMPLE).convert("RGB"))
    quantise(folder, [page[top : top + 300, left : left + 300] for top in (0, 700, 1400) for left in (0, 450, 900)])
    return folder


def test_a_quantised_graph_computes_in_integers(quantised: Path) -> None:
    described = hub.read_manifest(quantised)
    assert described.graph_precision == "int8"
    graph = onnx.load(quantised / hub.GRAPH).graph
    numbers = {tensor.name: tensor.data_type for tensor in graph.initializer}
    sources = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) > 10
    assert {numbers[sources[node.input[1]]] for node in convolutions} == {onnx.TensorProto.INT8}
    batch = pictures(256, 256)
    for one, other in zip(
        OnnxEngine(quantised, described).infer(batch), TorchEngine(*hub.load(quantised)).infer(batch)
    ):
        assert ((one > 127) != (other > 127)).mean() < 0.01


def test_its_weights_have_seven_bits(quantised: Path) -> None:
    """Where a processor has no VNNI, sums of products of eight would be cut off."""
    for tensor in onnx.load(quantised / hub.GRAPH).graph.initializer:
        if tensor.data_type == onnx.TensorProto.INT8 and tensor.dims:
            assert abs(onnx.numpy_helper.to_array(tensor).astype(int)).max() <= 64


def test_an_export_is_in_float_again(quantised: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(quantised, tmp_path / "model"))
    assert export(folder).graph_precision == ""
    assert '"graph_precision"' not in (folder / hub.MANIFEST).read_text()


def test_only_segmenters_are_quantised(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(hub.find("tvae"), tmp_path / "model"))
    with pytest.raises(ValueError, match="is no segmenter"):
        quantise(folder, [np.zeros((64, 64, 3), np.uint8)])


@pytest.fixture
def copied(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "model"))


def test_a_graph_is_exported_for_weights_and_holds_none(exported: Path) -> None:
    engine = engines.load(exported, Task.SEGMENT)
    assert isinstance(engine, OnnxEngine)
    assert (exported / hub.GRAPH).stat().st_size < (exported / hub.WEIGHTS).stat().st_size / 2
    batch = pictures(64, 64)
    reference = TorchEngine(*hub.load(exported)).infer(batch)
    assert abs(np.stack(engine.infer(batch)).astype(int) - np.stack(reference)).max() <= 1


def test_a_model_without_a_graph_runs_by_torch(copied: Path) -> None:
    described, state = hub.load(copied)
    hub.save(copied, described, state)  # removes the graph, which was of other weights for all it knows
    assert not (copied / hub.GRAPH).exists()
    assert isinstance(engines.load(copied, Task.SEGMENT), TorchEngine)


@pytest.mark.parametrize("name", [hub.GRAPH, hub.WEIGHTS])
def test_a_damaged_file_is_refused(copied: Path, name: str) -> None:
    data = bytearray((copied / name).read_bytes())
    data[-1] ^= 1
    (copied / name).write_bytes(data)
    with pytest.raises(WeightsError, match=f"{name} is damaged.*Fetch the model again"):
        engines.load(copied, Task.SEGMENT)


def test_a_missing_graph_is_named(copied: Path) -> None:
    (copied / hub.GRAPH).unlink()
    with pytest.raises(WeightsError, match=r"model\.onnx cannot be read.*fetch or save the model again"):
        engines.load(copied, Task.SEGMENT)


def test_what_is_no_graph_is_refused(copied: Path) -> None:
    hub.save_graph(copied, b"no graph")
    with pytest.raises(WeightsError, match=r"model\.onnx cannot be run by ONNX Runtime"):
        engines.load(copied, Task.SEGMENT)


def test_a_graph_of_another_kind_is_refused(copied: Path) -> None:
    graph = onnx.load(copied / hub.GRAPH, load_external_data=False)
    graph.graph.output[0].name = graph.graph.node[-1].output[0] = "other"
    hub.save_graph(copied, graph.SerializeToString())
    with pytest.raises(WeightsError, match="does not make answers of images: export it"):
        engines.load(copied, Task.SEGMENT)


def test_a_graph_reads_no_file_outside_its_folder(copied: Path) -> None:
    shutil.copy(copied / hub.WEIGHTS, copied.parent / hub.WEIGHTS)
    graph = onnx.load(copied / hub.GRAPH, load_external_data=False)
    for tensor in graph.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = f"../{hub.WEIGHTS}"
    hub.save_graph(copied, graph.SerializeToString())
    with pytest.raises(WeightsError, match="cannot be run by ONNX Runtime"):
        engines.load(copied, Task.SEGMENT)


def test_a_graph_for_other_pictures_is_refused(copied: Path) -> None:
    described = dataclasses.replace(hub.read_manifest(copied), input_width=96, presets=(Preset.ACCURATE,))
    (copied / hub.MANIFEST).write_text(described.to_json())
    with pytest.raises(WeightsError, match=r"takes pictures of \[64, 64, 3\]: export it with python -m training"):
        engines.load(copied, Task.SEGMENT)
