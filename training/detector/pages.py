"""Pre-rendered pages as training batches."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from stamp2vec.imaging import letterbox
from stamp2vec.results import StampType
from training.detector.loss import Stamps
from training.synth.die import DieKind

MIN_VISIBLE = 0.4  # a stamp that a random crop leaves less of than this is neither stamp nor paper: the crop is redrawn
OUTLINE: Mapping[DieKind, StampType] = {
    DieKind.ROUND: StampType.ROUND,
    DieKind.STAR_ROUND: StampType.ROUND,
    DieKind.NOTARY: StampType.ROUND,
    DieKind.POSTMARK: StampType.ROUND,
    DieKind.OVAL: StampType.OVAL,
    DieKind.RECTANGLE: StampType.RECTANGLE,
    DieKind.NAME_SEAL: StampType.RECTANGLE,
    DieKind.TRIANGLE: StampType.TRIANGLE,
    DieKind.WORD: StampType.WORD,
    DieKind.DATE: StampType.WORD,
    DieKind.MOTIF: StampType.OTHER,
}
COLUMNS = 8  # of a stamp: x1, y1, x2, y2 px, cosine and sine of its turn, number of its type, worth


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """A page on disk: `stamps` float32 (T, 8) by COLUMNS, in px of the stored picture; `taught` likewise, or None."""

    path: Path
    stamps: np.ndarray
    taught: np.ndarray | None


@dataclass(frozen=True, slots=True)
class Framing:
    """How pages become training pictures of `size` px: pages scaled to `page` px times `least` to `most`."""

    size: int
    page: int
    least: float
    most: float


def read_pages(shards: Path) -> list[RenderedPage]:
    """The pages that `python -m training.synth.shards` has written so far, with what a teacher saw on them.

    A teacher that has not come to a page yet is taken to have seen the truth there.
    """
    teacher = shards / "taught.jsonl"
    taught: dict[str, np.ndarray] | None = None
    if teacher.exists():
        taught = {}
        for line in teacher.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            taught[row["file"]] = np.array(row["stamps"], np.float32).reshape(-1, COLUMNS)
    pages = []
    for line in (shards / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        truth = stamps_of(row)
        seen = None if taught is None else taught.get(row["file"], truth)
        pages.append(RenderedPage(shards / row["file"], truth, seen))
    return pages


def stamps_of(row: dict[str, list[float] | list[str]]) -> np.ndarray:
    """A line of labels.jsonl as float32 (T, 8)."""
    types = list(StampType)
    turn = np.deg2rad(np.array(row["angles"], np.float32))
    outlines = [types.index(OUTLINE[DieKind(kind)]) for kind in row["kinds"]]
    boxes = np.array(row["boxes"], np.float32).reshape(-1, 4)
    return np.column_stack([boxes, np.cos(turn), np.sin(turn), outlines, np.ones(len(boxes))]).astype(np.float32)


def stamps(rows: np.ndarray) -> Stamps:
    """float32 (T, 8) as tensors."""
    table = torch.from_numpy(np.ascontiguousarray(rows, np.float32))
    return Stamps(table[:, :4], table[:, 4:6], table[:, 6].long(), table[:, 7])


def load(page: RenderedPage, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The page as the detector sees it in service: uint8 (size, size, 3) and its boxes (T, 4)."""
    pixels, placed = letterbox(np.asarray(Image.open(page.path).convert("RGB")), (size, size))
    return pixels.copy(), page.stamps[:, :4] * placed.scale + np.array([placed.pad_x, placed.pad_y] * 2, np.float32)


def augment(
    page: RenderedPage, framing: Framing, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The page at another size and place, in other colours: uint8 (size, size, 3), its stamps, and the teacher's."""
    picture = Image.open(page.path)
    stored = picture.width
    for _ in range(4):
        scale = np.exp(rng.uniform(np.log(framing.least), np.log(framing.most))) if rng.random() < 0.75 else 1.0
        side = round(framing.page * scale)
        offset = _offset(page.stamps[:, :4] * (side / stored), side, framing.size, rng)
        moved, seen = _moved(page.stamps, side / stored, offset, framing.size)
        if not ((seen > 0) & (seen < MIN_VISIBLE)).any():
            break
    picture.draft("RGB", (side, side))  # a JPEG decodes faster at half its size
    pixels = Image.new("RGB", (framing.size, framing.size), "white")
    window = picture.convert("RGB").resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
    pixels.paste(window, (int(offset[0]), int(offset[1])))
    taught = None
    if page.taught is not None:
        taught, visible = _moved(page.taught, side / stored, offset, framing.size)
        taught = taught[visible >= MIN_VISIBLE]
    return recolour(pixels, rng), moved[seen >= MIN_VISIBLE], taught


def _offset(boxes: np.ndarray, side: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Where the page's corner goes, (2,) px; three times of four a stamp is whole in the picture if it can be."""
    low, high = min(0, size - side), max(0, size - side)
    if len(boxes) and side > size and rng.random() < 0.75:
        box = boxes[rng.integers(len(boxes))]
        least, most = np.maximum(low, -box[:2]), np.minimum(high, size - box[2:])
        if (least <= most).all():
            return np.asarray(rng.uniform(least, most).round())
    return rng.integers(low, high + 1, 2)


def _moved(rows: np.ndarray, scale: float, offset: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Stamps (T, 8) scaled, shifted and cut to the picture, and the share of each box that is left, (T,)."""
    boxes = rows[:, :4] * scale + np.tile(offset, 2)
    clipped = boxes.clip(0, size)
    left = (clipped[:, 2:] - clipped[:, :2]).prod(1) / (boxes[:, 2:] - boxes[:, :2]).prod(1).clip(1e-6)
    return np.column_stack([clipped, rows[:, 4:]]).astype(np.float32), left


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


class Batches(torch.utils.data.IterableDataset[tuple[Tensor, list[Stamps], list[Stamps] | None]]):
    """Endless batches of augmented pages, those that are still being rendered included as they appear."""

    def __init__(self, shards: Path, framing: Framing, batch: int, seed: int) -> None:
        self.shards, self.framing, self.batch, self.seed = shards, framing, batch, seed

    def __iter__(self) -> Iterator[tuple[Tensor, list[Stamps], list[Stamps] | None]]:
        """(N, size, size, 3) uint8 pixels, the stamps of each page, and the teacher's where there is one."""
        rng = np.random.default_rng(self.seed)
        while True:
            pages = read_pages(self.shards)
            order = rng.permutation(len(pages))
            for start in range(0, len(order) - self.batch + 1, self.batch):
                items = [augment(pages[i], self.framing, rng) for i in order[start : start + self.batch]]
                taught = [stamps(t) for _, _, t in items if t is not None]
                yield (
                    torch.from_numpy(np.stack([p for p, _, _ in items])),
                    [stamps(s) for _, s, _ in items],
                    taught if len(taught) == len(items) else None,
                )
