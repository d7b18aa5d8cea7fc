import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stamp2vec import hub
from stamp2vec.detection.candidates import BOX, SCORE
from stamp2vec.hub.manifest import Manifest
from stamp2vec.values import Preset, Task
from training.baselines import tvae, yolo_stamp
from training.baselines.yolo_stamp import ANCHORS, STRIDE, PublishedYoloStamp
from training.evaluate.__main__ import main
from training.synth.crop_shards import SIZE

STAMP = (100.0, 150.0, 200.0, 310.0)  # 1.5625 x 2.5 cells: the second anchor's shape; its centre is in column 2, row 3
CELL = (0, 3, 2)  # page, row, column


def logit(value: float) -> float:
    return float(np.log(value / (1 - value)))


def perfect(anchor: int = 1) -> torch.Tensor:
    """The raw output of a perfect network on a page with STAMP."""
    raw = torch.zeros((1, 7, 7, 3, 5))
    raw[..., 4] = -20.0
    x, y = (150 / STRIDE) % 1, (230 / STRIDE) % 1
    width, height = np.log(100 / STRIDE / ANCHORS[anchor][0]), np.log(160 / STRIDE / ANCHORS[anchor][1])
    raw[(*CELL, anchor)] = torch.tensor([logit(x), logit(y), width, height, 20.0])
    return raw


def losses(raw: torch.Tensor, boxes: tuple[tuple[float, ...], ...] = (STAMP,)) -> dict[str, float]:
    weight = torch.tensor([[1.0] * len(boxes) + [0.0]])
    padded = torch.tensor([[*boxes, (0.0, 0.0, 0.0, 0.0)]])
    return yolo_stamp.loss(PublishedYoloStamp(), raw, padded, weight)[1]


def test_a_perfect_output_decodes_to_the_stamp_without_loss() -> None:
    raw = perfect()
    output = PublishedYoloStamp().predictions(raw)[0]
    best = output[output[:, SCORE].argmax()]
    torch.testing.assert_close(best[BOX], torch.tensor(STAMP), atol=1e-3, rtol=0)
    assert (output[:, SCORE] > 0).sum() == 1
    assert max(losses(raw).values()) < 1e-6


def test_a_worse_anchor_is_trained_to_hold_no_object() -> None:
    raw = perfect()
    raw[(*CELL, 2, 4)] = 20.0
    figures = losses(raw)
    assert figures["none"] == pytest.approx(yolo_stamp.NO_OBJECT / 147, rel=1e-3)
    assert figures["object"] < 1e-6


def test_two_stamps_of_one_cell_are_both_learnt() -> None:
    wide = (110.0, 204.0, 190.0, 256.0)  # the third anchor's shape, the same centre
    figures = losses(perfect(), (STAMP, wide))
    assert figures["object"] == pytest.approx(yolo_stamp.OBJECT / 147, rel=1e-3)


def test_disjoint_boxes_do_not_overlap() -> None:
    one, other = torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([3.0, 3.0, 1.0, 1.0])
    assert yolo_stamp.overlap(one, other) == 0
    assert yolo_stamp.overlap(one, one) == 1
    assert yolo_stamp.overlap(one, torch.tensor([0.5, 0.0, 1.0, 1.0])) == pytest.approx(1 / 3)


def test_a_page_without_stamps_has_loss_for_objects_only() -> None:
    raw = torch.full((1, 7, 7, 3, 5), -20.0)
    boxes, weight = torch.zeros((1, 1, 4)), torch.zeros((1, 1))
    figures = yolo_stamp.loss(PublishedYoloStamp(), raw, boxes, weight)[1]
    assert max(figures.values()) < 1e-6


def test_triplets_use_the_hardest_of_each_kind() -> None:
    vectors = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 2.0], [9.0, 0.0]])
    identity = torch.tensor([0, 0, 1, 2])
    # Farthest positive 3, 3, 0, 0; nearest negative 2, 13 ** 0.5, 2, 6; the margin is 1.
    expected = (3 - 2 + 1) + (3 - 13**0.5 + 1) + 0 + 0
    assert tvae.triplets(vectors, identity) == pytest.approx(expected)


def test_crops_are_mirrored_and_nothing_else() -> None:
    torch.manual_seed(0)
    crop = torch.arange(4.0).reshape(1, 1, 2, 2)
    ways = {tuple(one.flatten().tolist()) for one in tvae.mirrored(crop.repeat(64, 1, 1, 1))}
    assert ways == {(0, 1, 2, 3), (1, 0, 3, 2), (2, 3, 0, 1), (3, 2, 1, 0)}


def crops(folder: Path, dies: int, impressions: int) -> Path:
    """A folder of flat crops whose grey level is their die."""
    count = dies * impressions
    number = np.repeat(np.arange(dies), impressions)
    pixels = np.broadcast_to(number.astype(np.uint8)[:, None, None, None], (count, SIZE, SIZE, 4))
    parts: dict[str, np.ndarray] = {
        "pixels": pixels,
        "clean": np.zeros((count, 64, 64), np.uint8),
        "die": np.stack([number // 4, number % 4], 1),
        "kind": np.full(count, "round"),
    }
    folder.mkdir()
    for name, array in parts.items():
        np.save(folder / f"0000000.{name}.npy", array)
    return folder


def test_a_batch_holds_four_impressions_of_each_of_its_dies(tmp_path: Path) -> None:
    pixels, identity = next(iter(tvae.Batches(crops(tmp_path / "crops", dies=10, impressions=5), batch=16, seed=0)))
    assert pixels.shape == (16, tvae.SIZE, tvae.SIZE, 3)
    assert np.unique(identity, return_counts=True)[1].tolist() == [4, 4, 4, 4]
    assert torch.equal(pixels[:, 0, 0, 0].long(), identity)


def test_too_few_dies_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has 3 dies: render more crops, or lower --batch"):
        next(iter(tvae.Batches(crops(tmp_path / "crops", dies=3, impressions=4), batch=16, seed=0)))


def saved(folder: Path, network: torch.nn.Module, name: str, task: Task, size: int, vector_size: int = 0) -> Path:
    manifest = Manifest(
        name, "1.0.0", task, name, {}, (Preset.FAST,), size, size, 0.5, 1, 64 * "0", vector_size, {}, {}, "Apache-2.0"
    )
    hub.save(folder, manifest, network.state_dict())
    return folder


def test_baselines_share_a_table_with_our_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    detector = saved(tmp_path / "detector", PublishedYoloStamp(), yolo_stamp.NAME, Task.DETECT, yolo_stamp.SIZE)
    shards = tmp_path / "shards"
    shards.mkdir()
    Image.new("RGB", (320, 320), "beige").save(shards / "a.jpg")
    row = {"file": "a.jpg", "capture": "fax", "boxes": [STAMP], "kinds": ["word"], "angles": [3.5], "inks": ["red"]}
    (shards / "labels.jsonl").write_text(json.dumps(row) + "\n")
    out = tmp_path / "out"
    chosen = ["--model", "yolo-stamp", "--model", str(detector), "--out", str(out)]
    assert main(["detect", "--shards", str(shards), *chosen]) == 0
    ours, published = json.loads((out / "detect.json").read_text())
    assert ours["attributes"] is not None
    assert published["attributes"] is None  # it predicts neither type nor rotation
    heading = next(line for line in capsys.readouterr().out.splitlines() if "yolo-stamp@" in line)
    assert "published-yolo-stamp@1.0.0" in heading
    assert ours["model"] in heading

    embedder = saved(tmp_path / "embedder", tvae.PublishedTvae(), tvae.NAME, Task.EMBED, tvae.SIZE, tvae.VECTOR)
    chosen = ["--model", "tvae", "--model", str(embedder), "--out", str(out)]
    assert main(["retrieve", "--crops", str(crops(tmp_path / "crops", dies=4, impressions=2)), *chosen]) == 0
    table = capsys.readouterr().out.splitlines()
    assert [row["model"].split("@")[0] for row in json.loads((out / "retrieve.json").read_text())] == [
        "tvae",
        tvae.NAME,
    ]
    assert any(line.strip().startswith("published-tvae@1.0.0") for line in table)
