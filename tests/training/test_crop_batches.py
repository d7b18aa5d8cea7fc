from pathlib import Path

import numpy as np
import torch

from training.embedder.train import IMPRESSIONS, SIBLINGS, Batches, shrink


def write(folder: Path, families: int, siblings: int, impressions: int) -> None:
    """A folder of crops whose colour tells the die and whose mask is a bar in the middle."""
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


def test_a_batch_is_of_whole_families(tmp_path: Path) -> None:
    write(tmp_path, families=3, siblings=SIBLINGS + 1, impressions=IMPRESSIONS + 1)
    pixels, clean, identity = next(iter(Batches(tmp_path, 64, 2 * SIBLINGS * IMPRESSIONS, 0)))
    assert pixels.shape == (2 * SIBLINGS * IMPRESSIONS, 64, 64, 3)
    assert pixels.dtype == torch.uint8
    assert clean.shape == (len(pixels), 64, 64)
    dies, counts = identity.unique(return_counts=True)
    assert counts.tolist() == [IMPRESSIONS] * len(dies)
    families, siblings = (dies // (SIBLINGS + 1)).unique(return_counts=True)  # dies are numbered family by family
    assert len(families) == 2
    assert siblings.tolist() == [SIBLINGS] * 2


def test_impressions_of_a_die_are_never_seen_the_same_twice(tmp_path: Path) -> None:
    write(tmp_path, families=1, siblings=1, impressions=4)
    pixels, _, _ = next(iter(Batches(tmp_path, 64, 4, 0)))
    assert not any(torch.equal(pixels[i], pixels[j]) for i in range(4) for j in range(i))


def test_shrinking_keeps_what_is_flat_and_averages_what_is_not() -> None:
    flat = torch.full((1, 256, 256, 3), 77, dtype=torch.uint8)
    assert shrink(flat, 192).unique().tolist() == [77]
    stripes = torch.zeros((1, 256, 256, 3), dtype=torch.uint8)
    stripes[:, :, ::2] = 200
    inner = shrink(stripes, 64)[:, 2:-2, 2:-2].float()
    assert (inner - 100).abs().max() < 10
