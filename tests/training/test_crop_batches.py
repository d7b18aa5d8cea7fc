import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import IterableDataset

from stamp2vec.pipelines import EmbeddingPipeline
from training.crop_batches import framing, leaning, recolour, shrink, view
from training.embedder import train as embedder
from training.embedder.teach import teach
from training.embedder.train import IMPRESSIONS, SIBLINGS, Batches
from training.segmenter import train as segmenter
from training.synth.crop_shards import TEACHER, read


def write(folder: Path, families: int, siblings: int, impressions: int) -> None:
    """A folder of crops whose colour encodes the die and whose mask is a bar in the middle."""
    dies = [(f, s) for f in range(families) for s in range(siblings) for _ in range(impressions)]
    pixels = np.zeros((len(dies), 256, 256, 4), np.uint8)
    for crop, (family, sibling) in zip(pixels, dies, strict=True):
        crop[..., :3] = 255
        crop[100:150, 60:200, :3] = 20 * family + 5 * sibling
        crop[100:150, 60:200, 3] = 255
    parts = {
        "pixels": pixels,
        "clean": np.zeros((len(dies), 64, 64), np.uint8),
        "die": np.array(dies),
        "kind": np.array(["word"] * len(dies)),
    }
    for name, array in parts.items():
        np.save(folder / f"0000000.{name}.npy", array)


def bar(bite: bool = True) -> torch.Tensor:
    """A crop uint8 (1, 256, 256, 4): a bar of ink and, with a bite out of one corner, no mirror image of itself."""
    crop = torch.full((1, 256, 256, 4), 255, dtype=torch.uint8)
    crop[..., 3] = 0
    crop[:, 100:140, 60:200] = torch.tensor([0, 0, 0, 255], dtype=torch.uint8)
    if bite:
        crop[:, 100:120, 60:80] = torch.tensor([255, 255, 255, 0], dtype=torch.uint8)
    return crop


def test_a_batch_is_of_whole_families(tmp_path: Path) -> None:
    write(tmp_path, families=3, siblings=SIBLINGS + 1, impressions=IMPRESSIONS + 1)
    pixels, clean, identity, vectors = next(iter(Batches(tmp_path, 2 * SIBLINGS * IMPRESSIONS, 0)))
    assert pixels.shape == (2 * SIBLINGS * IMPRESSIONS, 256, 256, 4)
    assert pixels.dtype == clean.dtype == torch.uint8
    assert clean.shape == (len(pixels), 64, 64)
    assert vectors is None
    dies, counts = identity.unique(return_counts=True)
    assert counts.tolist() == [IMPRESSIONS] * len(dies)
    families, siblings = (dies // (SIBLINGS + 1)).unique(return_counts=True)  # dies are numbered family by family
    assert len(families) == 2
    assert siblings.tolist() == [SIBLINGS] * 2


def test_crops_rendered_during_training_are_used(tmp_path: Path) -> None:
    write(tmp_path, families=1, siblings=SIBLINGS, impressions=IMPRESSIONS)
    batches = iter(Batches(tmp_path, SIBLINGS * IMPRESSIONS, 0))
    next(batches)
    for path in list(tmp_path.glob("0000000.*.npy")):
        array = np.load(path)
        np.save(tmp_path / path.name.replace("0000000", "0000500"), array + 1 if ".die." in path.name else array)
    dies = [next(batches)[2].max().item() for _ in range(6)]
    assert max(dies) >= SIBLINGS  # more dies than the first shard holds


def test_batches_hold_the_teachers_vectors_of_their_crops(tmp_path: Path) -> None:
    write(tmp_path, families=3, siblings=SIBLINGS, impressions=IMPRESSIONS)
    teacher = EmbeddingPipeline.from_pretrained("tvae")
    teach(teacher, tmp_path)
    pixels, _, _, vectors = next(iter(Batches(tmp_path, 2 * SIBLINGS * IMPRESSIONS, 0)))
    assert vectors is not None
    expected = np.stack(teacher(list(np.ascontiguousarray(pixels[..., :3]))))
    np.testing.assert_allclose((vectors.numpy() * expected).sum(1), 1, atol=0.02)  # bfloat16 where it is faster


def test_teaching_resumes_and_its_vectors_are_read_when_complete(tmp_path: Path) -> None:
    write(tmp_path, families=1, siblings=SIBLINGS, impressions=IMPRESSIONS)
    teacher = EmbeddingPipeline.from_pretrained("tvae")
    teach(teacher, tmp_path)
    first = tmp_path / f"0000000.{TEACHER}.npy"
    np.save(first, np.full_like(np.load(first), 7))
    for name in ("pixels", "clean", "die", "kind"):
        shutil.copy(tmp_path / f"0000000.{name}.npy", tmp_path / f"0000500.{name}.npy")
    assert read(tmp_path).teacher is None
    teach(teacher, tmp_path)
    vectors = read(tmp_path).teacher
    assert vectors is not None
    assert (vectors[: len(vectors) // 2] == 7).all()
    assert not (vectors[len(vectors) // 2 :] == 7).any()


@pytest.mark.parametrize("batches", [Batches, lambda folder, *rest: segmenter.Batches([folder], *rest)])
def test_fewer_crops_than_a_batch_are_refused(
    tmp_path: Path, batches: Callable[[Path, int, int], IterableDataset[Any]]
) -> None:
    write(tmp_path, families=1, siblings=1, impressions=3)
    with pytest.raises(ValueError, match="render more"):
        next(iter(batches(tmp_path, 4, 0)))


def test_a_batch_for_a_segmenter_has_as_many_crops_of_each_folder(tmp_path: Path) -> None:
    for name, families in (("many", 5), ("few", 2)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, families, siblings=1, impressions=1)
    for file in (tmp_path / "few").glob("*.pixels.npy"):
        np.save(file, 255 - np.load(file))
    batches = iter(segmenter.Batches([tmp_path / "many", tmp_path / "few"], 4, 0))
    for _ in range(5):
        inverted = (next(batches)[:, 0, 0, 0] == 0).sum().item()
        assert inverted == 2


def test_augmentation_of_a_crop_differs_each_time() -> None:
    seen = embedder.augmented(bar().expand(4, -1, -1, -1), 64, torch.Generator().manual_seed(0))
    assert seen.shape == (4, 64, 64, 3)
    assert not any(torch.equal(seen[i], seen[j]) for i in range(4) for j in range(i))


def test_the_same_seed_gives_the_same_views() -> None:
    first, again = (embedder.augmented(bar(), 64, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)


def test_masks_stay_aligned_with_the_ink() -> None:
    pixels, ink = segmenter.augmented(bar(bite=False).expand(24, -1, -1, -1), torch.Generator().manual_seed(1))
    grey = pixels.float().mean(3)
    darker = [(grey[i][ink[i] == 1].mean() < grey[i][ink[i] == 0].mean()).item() for i in range(24)]
    assert all(darker)
    assert 0.05 < ink.mean() < 0.4


@pytest.mark.parametrize("size", [128, 224])
@pytest.mark.parametrize("angle", [0.0, 0.7, 2.0, -3.0])
def test_a_view_rotates_and_frames_but_never_mirrors(angle: float, size: int) -> None:
    crop = bar()
    frame = framing(crop[..., 3], torch.tensor([angle]), torch.tensor([0.1]))
    assert torch.linalg.det(frame[0, :, :2]) > 0
    assert torch.linalg.det(leaning(frame, torch.Generator().manual_seed(0))[0, :, :2]) > 0
    seen = view(crop, frame, size)[0].numpy()
    assert seen.shape == (size, size, 4)
    y, x = np.nonzero(seen[..., 3] > 127)
    longer = max(np.ptp(x), np.ptp(y)) + 1
    assert longer == pytest.approx(size / 1.2, rel=0.05)
    assert (x.min() + x.max()) / 2 == pytest.approx((size - 1) / 2, rel=0.05)
    assert (y.min() + y.max()) / 2 == pytest.approx((size - 1) / 2, rel=0.05)
    np.testing.assert_allclose(seen[..., 0], 255 - seen[..., 3], atol=4)


def test_a_view_of_a_quarter_rotation_agrees_with_numpy() -> None:
    crop = bar()
    frame = torch.tensor([[[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]])  # the output's x runs up the input
    np.testing.assert_allclose(view(crop, frame, 256)[0].int(), np.rot90(crop[0].int(), -1), atol=1)


def test_a_crop_without_ink_is_framed_whole() -> None:
    frame = framing(torch.zeros((1, 256, 256), dtype=torch.uint8), torch.zeros(1), torch.zeros(1))
    torch.testing.assert_close(frame, torch.tensor([[[1.0, 0, 0], [0, 1.0, 0]]]), atol=0.02, rtol=0)


def test_recolouring_never_wipes_the_ink_out() -> None:
    seen = recolour(bar(bite=False)[..., :3].expand(64, -1, -1, -1), torch.Generator().manual_seed(0)).float().mean(3)
    assert (seen[:, 20:80].mean((1, 2)) - seen[:, 105:135, 70:190].mean((1, 2)) > 40).all()


def test_shrinking_keeps_what_is_flat_and_averages_what_is_not() -> None:
    flat = torch.full((1, 256, 256, 3), 77, dtype=torch.uint8)
    assert shrink(flat, 192).unique().tolist() == [77]
    stripes = torch.zeros((1, 256, 256, 3), dtype=torch.uint8)
    stripes[:, :, ::2] = 200
    inner = shrink(stripes, 64)[:, 2:-2, 2:-2].float()
    assert (inner - 100).abs().max() < 10
