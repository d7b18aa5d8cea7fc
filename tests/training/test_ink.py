import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stamp2vec import hub
from stamp2vec.models import build
from stamp2vec.models.stamp_unet_lite import StampUnetLite
from training.evaluate.__main__ import main
from training.segmenter.figures import Counts, count
from training.segmenter.train import fresh
from training.synth import cut_shards
from training.synth.backgrounds import Backgrounds
from training.synth.fonts import Split


def square(top: int, left: int, side: int = 20) -> torch.Tensor:
    """bool (1, 64, 64), a filled square."""
    mask = torch.zeros((1, 64, 64), dtype=torch.bool)
    mask[:, top : top + side, left : left + side] = True
    return mask


def test_masks_that_agree_score_one_and_masks_apart_score_zero() -> None:
    (same,) = count(square(10, 10), square(10, 10))
    assert (same.iou, same.boundary_f) == (1, 1)
    (apart,) = count(square(2, 2), square(40, 40))
    assert (apart.iou, apart.boundary_f) == (0, 0)
    nothing = torch.zeros((1, 64, 64), dtype=torch.bool)
    (empty,) = count(nothing, nothing)
    assert (empty.iou, empty.boundary_f) == (1, 1)
    (missed,) = count(square(10, 10), nothing)
    assert (missed.iou, missed.boundary_f) == (0, 0)


@pytest.mark.parametrize(("shift", "boundary_f"), [(2, 1.0), (3, 42 / 76)])
def test_an_edge_counts_as_found_within_two_pixels(shift: int, boundary_f: float) -> None:
    """A square that is shifted by 3: its left edge and 14 pixels of its right one lie off, the other 42 on or near."""
    (counts,) = count(square(10, 10), square(10, 10 + shift))
    assert counts.iou == pytest.approx((20 - shift) / (20 + shift))
    assert counts.true_edge == counts.found_edge == 76
    assert counts.boundary_f == pytest.approx(boundary_f)


def test_counts_of_several_masks_add_up() -> None:
    true, found = torch.cat([square(10, 10), square(5, 5)]), torch.cat([square(10, 11), square(30, 30)])
    one, other = count(true, found)
    total = sum([one, other], Counts())
    assert total.true == 2 * 400
    assert total.iou == (one.both + other.both) / (2 * 2 * 400 - one.both)


@pytest.fixture(scope="module")
def cuts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cuts")
    pages = folder / "backgrounds" / "test"
    pages.mkdir(parents=True)
    Image.fromarray(Backgrounds.drawn(1).pick(np.random.default_rng(0))).save(pages / "a.jpg")
    plan = cut_shards.Plan(Split.TEST, 0, 6, folder / "backgrounds")
    assert list(cut_shards.render(plan, folder, workers=1)) == [6]
    return folder


def test_crops_cut_out_of_pages_show_their_stamp_alone(cuts: Path) -> None:
    crops = cut_shards.read(cuts)
    assert len(crops.pixels) == len(crops.ink) == len(crops.capture) == len(crops.kind) > 3
    for crop in crops.pixels:
        assert crop.shape == (256, 256, 4)
        inked = crop[..., 3] > 128
        assert 0 < inked.mean() < 0.9
        grey = crop[..., :3].mean(2)
        assert grey[inked].mean() < grey[~inked].mean()
    before = {file: file.stat().st_mtime_ns for file in cuts.glob("*.npy")}
    list(cut_shards.render(cut_shards.Plan(Split.TEST, 0, 6, cuts / "backgrounds"), cuts, workers=1))
    assert {file: file.stat().st_mtime_ns for file in cuts.glob("*.npy")} == before


def test_the_report_of_a_segmenter_is_of_all_crops_and_of_each_slice(
    cuts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ink", "--cuts", str(cuts), "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    (report,) = json.loads((tmp_path / "ink.json").read_text())
    assert report["model"] in printed
    assert 0.3 < report["figures"]["iou"] < 1
    assert 0.3 < report["figures"]["boundary_f"] < 1
    for by in ("ink", "capture", "kind"):
        crops = sum(each["figures"]["crops"] for each in report["slices"] if each["by"] == by)
        assert crops == report["figures"]["crops"]
    with Image.open(tmp_path / "ink.png") as picture:
        assert picture.width > 1000
    assert main(["ink", "--cuts", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "render some with" in capsys.readouterr().err


def test_the_accurate_segmenter_starts_as_the_fast_one() -> None:
    """Its trunk is that of the embedder, and adds nothing before it is trained."""
    model, source = fresh("stamp-unet-lite", None)
    assert isinstance(model, StampUnetLite)
    assert "stamp-unet@" in source
    assert "stamp-lite@" in source
    manifest, weights = hub.load("stamp-unet")
    unet = build(manifest.architecture, manifest.config)
    unet.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in weights.items()})
    pictures = torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(model.eval()(pictures), unet.eval()(pictures))
    assert not any(parameter.requires_grad for parameter in model.trunk.parameters())
    assert all(parameter.requires_grad for parameter in model.laterals.parameters())
