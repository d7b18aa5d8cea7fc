"""Pre-rendered pages as training batches."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from stamp2vec.imaging import letterbox

MIN_VISIBLE = 0.4  # a stamp that a random crop leaves less of than this is neither stamp nor paper: the crop is redrawn


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """A page on disk: `boxes` is float32 (T, 4) in px of the stored picture."""

    path: Path
    boxes: np.ndarray


def read_pages(shards: Path) -> list[RenderedPage]:
    """The pages that `python -m training.synth.shards` has written so far."""
    lines = (shards / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [RenderedPage(shards / row["file"], np.array(row["boxes"], np.float32).reshape(-1, 4)) for row in rows]


def load(page: RenderedPage, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The page as the detector sees it in service: uint8 (size, size, 3) and its boxes (T, 4)."""
    pixels, placed = letterbox(np.asarray(Image.open(page.path).convert("RGB")), (size, size))
    return pixels.copy(), page.boxes * placed.scale + np.array([placed.pad_x, placed.pad_y] * 2, np.float32)


def augment(page: RenderedPage, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The page at another size and place, in other colours: uint8 (size, size, 3) and its boxes (T, 4)."""
    picture = Image.open(page.path).convert("RGB")
    boxes = page.boxes
    for _ in range(4):
        side = round(size * rng.uniform(0.7, 1.5) if rng.random() < 0.7 else size)
        dx, dy = (int(v) for v in rng.integers(min(0, size - side), max(0, size - side) + 1, 2))
        moved = boxes * (side / picture.width) + np.array([dx, dy] * 2, np.float32)
        clipped = moved.clip(0, size)
        kept = (clipped[:, 2:] - clipped[:, :2]).prod(1) / (moved[:, 2:] - moved[:, :2]).prod(1).clip(1e-6)
        if (kept >= MIN_VISIBLE).all():
            break
    pixels = Image.new("RGB", (size, size), "white")
    pixels.paste(picture.resize((side, side), Image.Resampling.BILINEAR), (dx, dy))
    return recolour(pixels, rng), clipped[kept >= MIN_VISIBLE]


def recolour(picture: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """Another lamp, another lens: gamma and gain a channel, grey now and then, blur, noise."""
    if rng.random() < 0.15:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0)))
    if rng.random() < 0.15:
        picture = picture.convert("L").convert("RGB")
    elif rng.random() < 0.1:
        r, g, b = picture.split()
        picture = Image.merge("RGB", [(r, b, g), (b, g, r), (g, r, b)][rng.integers(3)])
    levels = np.linspace(0, 1, 256)[:, None]
    gain, gamma = (
        rng.uniform(0.85, 1.05) * rng.uniform(0.94, 1.06, 3),
        rng.uniform(0.7, 1.4) * rng.uniform(0.93, 1.07, 3),
    )
    table = (levels**gamma * gain).clip(0, 1) * 255
    pixels = np.stack([table[:, c].astype(np.uint8)[np.asarray(picture)[..., c]] for c in range(3)], -1)
    if rng.random() < 0.2:
        noise = rng.normal(0, rng.uniform(2, 10), pixels.shape[:2])[..., None]
        pixels = (pixels + noise).clip(0, 255).astype(np.uint8)
    return pixels


class Batches(torch.utils.data.IterableDataset[tuple[Tensor, list[Tensor]]]):
    """Endless batches of augmented pages, those that are still being rendered included as they appear."""

    def __init__(self, shards: Path, size: int, batch: int, seed: int) -> None:
        self.shards, self.size, self.batch, self.seed = shards, size, batch, seed

    def __iter__(self) -> Iterator[tuple[Tensor, list[Tensor]]]:
        """(N, size, size, 3) uint8 pixels and a float (T, 4) of boxes a page."""
        rng = np.random.default_rng(self.seed)
        while True:
            pages = read_pages(self.shards)
            order = rng.permutation(len(pages))
            for start in range(0, len(order) - self.batch + 1, self.batch):
                items = [augment(pages[i], self.size, rng) for i in order[start : start + self.batch]]
                yield torch.from_numpy(np.stack([p for p, _ in items])), [torch.from_numpy(b) for _, b in items]
