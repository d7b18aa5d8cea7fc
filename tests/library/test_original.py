"""Calls that were written for the original project, as its README, its tests and applications around it make them.

On the bundled models: what these names mean is part of what is tested.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from stamp2vec import pipelines
from stamp2vec.errors import InvalidImage, InvalidInput, ModelNotFound, WeightsError
from stamp2vec.imaging import pillow_image
from stamp2vec.pipelines import DetectionPipeline, EmbeddingPipeline, SegmentationPipeline
from stamp2vec.pipelines.original import (
    MODELS,
    DeepLabv3Pipeline,
    VaePipeline,
    Vits8Pipeline,
    YoloStampPipeline,
    Yolov8Pipeline,
)

PAGE = Path(__file__).parents[2] / "docs/sample/page.jpg"
README = """
from PIL import Image

pipe = YoloStampPipeline.from_pretrained("stamps-labs/yolo-stamp")

img = Image.open("docs/sample/page.jpg")

print(pipe(img))
"""
ORIENTATION = 0x0112
ROTATED = 6


@pytest.fixture(scope="module")
def page() -> Image.Image:
    return Image.open(PAGE)


@pytest.fixture(scope="module")
def yolo_stamp() -> YoloStampPipeline:
    return YoloStampPipeline.from_pretrained("stamps-labs/yolo-stamp")


@pytest.fixture(scope="module")
def yolov8() -> Yolov8Pipeline:
    return Yolov8Pipeline.from_pretrained("stamps-labs/yolov8-finetuned", filename_hf="best.torchscript")


@pytest.fixture(scope="module")
def boxes(yolo_stamp: YoloStampPipeline, page: Image.Image) -> torch.Tensor:
    return yolo_stamp(image=page)


@pytest.fixture(scope="module")
def stamp(boxes: torch.Tensor, page: Image.Image) -> Image.Image:
    return page.crop(tuple(boxes[0].tolist()))


@pytest.mark.parametrize("module", ["stamp2vec.pipelines.original", "stamp2vec.pipelines"])
def test_the_readme_runs_with_another_import_line(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(PAGE.parents[2])
    exec(f"from {module} import YoloStampPipeline" + README, {})
    assert capsys.readouterr().out.startswith("tensor([[")


def test_every_name_of_the_hub_stands_for_a_bundled_model(yolov8: Yolov8Pipeline) -> None:
    loaded: list[tuple[Any, str]] = [
        (YoloStampPipeline.from_pretrained("stamps-labs/yolo-stamp", filename_hf="state_dict.pth"), "yolo-stamp"),
        (yolov8, "stamp-yolo"),
        (VaePipeline.from_pretrained("stamps-labs/vae-encoder", filename_hf="encoder.pth"), "tvae"),
        (Vits8Pipeline.from_pretrained("stamps-labs/vits8-stamp", "vits8stamp-torchscript.pth"), "stamp-lite"),
        (DeepLabv3Pipeline.from_pretrained("stamps-labs/deeplabv3-finetuned"), "stamp-unet"),
    ]
    assert [made.pipeline.manifest.name for made, _ in loaded] == [name for _, name in loaded]
    assert {name for _, name in loaded} == {*MODELS.values()}


def test_both_detectors_return_a_tensor_of_boxes(
    yolo_stamp: YoloStampPipeline, yolov8: Yolov8Pipeline, page: Image.Image
) -> None:
    for pipe, name in ((yolo_stamp, "yolo-stamp"), (yolov8, "stamp-yolo")):
        found = pipe(image=page)
        assert found.shape == torch.Size([4, 4])
        assert (found.dtype, found.device.type) == (torch.float32, "cpu")
        expected = [detection.box for detection in DetectionPipeline.from_pretrained(name)(page)]
        np.testing.assert_array_equal(found.numpy(), np.array(expected, np.float32))


def test_applications_use_the_boxes_as_they_did(boxes: torch.Tensor, page: Image.Image) -> None:
    assert len(boxes) == 4
    rows = boxes.cpu().numpy().tolist()
    assert [box.tolist() for box in boxes] == rows == boxes.tolist() == np.asarray(boxes).tolist()
    assert [[int(edge) for edge in box[:4].tolist()] for box in boxes[:3]] == np.array(rows, int)[:3].tolist()
    picture = page.copy()
    for box in boxes:
        ImageDraw.Draw(picture).rectangle(box.tolist(), outline="red")
    left, top, right, bottom = map(int, rows[0])
    for x1, y1, x2, y2 in boxes.numpy():
        assert min(page.crop((x1, y1, x2, y2)).size) > 100
    assert picture.getpixel((left, (top + bottom) // 2)) == (255, 0, 0)
    assert (0, 0) <= (left, top) < (right, bottom) <= page.size


def test_a_page_without_stamps_has_no_boxes(yolo_stamp: YoloStampPipeline) -> None:
    found = yolo_stamp(Image.new("L", (600, 800), 255))
    assert (found.shape, found.dtype) == ((0, 4), torch.float32)


def test_boxes_are_in_pixels_of_the_image_that_was_passed(
    yolo_stamp: YoloStampPipeline, boxes: torch.Tensor, page: Image.Image
) -> None:
    photo = page.copy()
    photo.getexif()[ORIENTATION] = ROTATED
    assert pillow_image(photo).shape[:2] == photo.size  # what the library's own calls see: rotated upright
    assert torch.equal(yolo_stamp(photo), boxes)


def test_thresholds_of_yolov8_are_those_of_the_detector(yolov8: Yolov8Pipeline, page: Image.Image) -> None:
    assert len(yolov8(page, 0.9, 0.01)) > len(yolov8(page, nms_threshold=0.1, conf_threshold=0.01)) >= 4
    assert len(yolov8(page, conf_threshold=1.0)) == 0
    with pytest.raises(InvalidInput, match=r"max_overlap is 0\.95: choose 0 to 0\.9"):
        yolov8(page, nms_threshold=0.95)


def test_a_stamp_becomes_a_vector_of_the_length_it_had(stamp: Image.Image) -> None:
    vae = VaePipeline.from_pretrained("stamps-labs/vae-encoder", filename_hf="encoder.pth")(image=stamp)
    vits8 = Vits8Pipeline.from_pretrained("stamps-labs/vits8-stamp", filename_hf="x.pth")(image=stamp)
    assert (vae.shape, vits8.shape) == (torch.Size([128]), (384,))
    for vector, name in ((vae, "tvae"), (vits8, "stamp-lite")):
        assert isinstance(vector, np.ndarray)
        assert vector.dtype == np.float32
        np.testing.assert_array_equal(vector, EmbeddingPipeline.from_pretrained(name)(stamp))
        np.testing.assert_allclose(np.dot(vector, vector), 1, rtol=1e-5)
        assert len(vector.tolist()) == len(vector)


def test_a_segmented_stamp_is_its_ink_on_white_paper(stamp: Image.Image) -> None:
    pipe = DeepLabv3Pipeline.from_pretrained("stamps-labs/deeplabv3-finetuned")
    ink = pipe(stamp)
    assert (ink.mode, ink.size) == ("RGB", stamp.size)
    crop, mask = np.asarray(stamp), SegmentationPipeline.from_pretrained("stamp-unet")(stamp)
    np.testing.assert_array_equal(np.asarray(ink)[mask >= 128], crop[mask >= 128])
    assert (np.asarray(ink)[mask < 128] == 255).all()
    assert 0.02 < (mask >= 128).mean() < 0.6
    assert (np.asarray(pipe(stamp, threshold=1.0)) == 255).all()
    loose = (np.asarray(pipe(image=stamp, threshold=0.1)) < 255).any(-1)
    assert loose.sum() > (np.asarray(ink) < 255).any(-1).sum()


def test_transparent_paper_is_white(stamp: Image.Image) -> None:
    cut_out = stamp.copy()
    left = (0, 0, stamp.width // 2, stamp.height)
    cut_out.putalpha(255)
    cut_out.paste((0, 0, 0, 0), left)
    on_white = stamp.convert("RGB")
    on_white.paste("white", left)
    pipe = Vits8Pipeline.from_pretrained("stamps-labs/vits8-stamp", "x.pth")
    np.testing.assert_array_equal(pipe(cut_out), pipe(on_white))


def test_paper_has_no_vector(stamp: Image.Image) -> None:
    pipe = Vits8Pipeline.from_pretrained("stamps-labs/vits8-stamp", "x.pth")
    with pytest.raises(InvalidImage, match="too little ink"):
        pipe(Image.new("RGB", stamp.size, "white"))


def test_a_folder_and_a_bundled_name_are_models_too(weights: Path, stamp: Image.Image) -> None:
    folder = weights / "tvae" / "0.0.1"
    for pipe in (
        VaePipeline.from_pretrained(local_model_path=str(folder)),
        VaePipeline.from_pretrained(None, None, folder),
        VaePipeline.from_pretrained(str(folder)),
    ):
        assert pipe(stamp).shape == (16,)
    assert YoloStampPipeline.from_pretrained("stamp-yolo", device="cpu").pipeline.manifest.name == "stamp-yolo"
    # A hub name goes before a path, as it did.
    both = VaePipeline.from_pretrained("stamps-labs/vae-encoder", "encoder.pth", str(folder))
    assert both.pipeline.manifest.vector_size == 128


def test_files_of_the_original_are_never_loaded(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "weights.pt")
    for path in (tmp_path / "weights.pt", tmp_path):
        with pytest.raises(WeightsError, match=r"can run any code and is never loaded: convert it"):
            YoloStampPipeline.from_pretrained(local_model_path=str(path))
    (tmp_path / "best.torchscript").write_bytes(b"PK\x03\x04")
    with pytest.raises(WeightsError, match=r"best\.torchscript is a file: name the folder that holds"):
        Yolov8Pipeline.from_pretrained(local_model_path=str(tmp_path / "best.torchscript"))


def test_what_is_no_model_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"no model is named: pass model_path_hf, one of stamps-labs/yolo-stamp, "):
        YoloStampPipeline.from_pretrained()
    with pytest.raises(ModelNotFound, match=r"there is no folder someone/yolo: .*such as yolo-stamp"):
        YoloStampPipeline.from_pretrained("someone/yolo", filename_hf="weights.pt")
    with pytest.raises(ModelNotFound, match=r"there is no folder .*missing: check the path"):
        VaePipeline.from_pretrained(local_model_path=str(tmp_path / "missing"))
    with pytest.raises(WeightsError, match=r"tvae@.* is made to embed: give a model that is made to detect"):
        YoloStampPipeline.from_pretrained("stamps-labs/vae-encoder")


def test_an_image_that_holds_no_stamp_is_an_error(yolo_stamp: YoloStampPipeline) -> None:
    with pytest.raises(InvalidImage, match="too small to hold a stamp"):
        yolo_stamp(Image.new("RGB", (4, 4)))


def test_the_names_are_exported_and_need_no_torch_to_be_imported() -> None:
    names = {"YoloStampPipeline", "Yolov8Pipeline", "VaePipeline", "Vits8Pipeline", "DeepLabv3Pipeline"}
    assert names <= {*pipelines.__all__}
    program = "import sys, stamp2vec.pipelines.original; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
