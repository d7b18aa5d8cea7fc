"""Pre-rendered pages as training batches."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from stamp2vec.values import StampType
from training.detector.loss import Stamps
from training.synth.die import DieKind

ROTATED_SHARE = 0.15  # of pages, by a multiple of 90 degrees
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
COLUMNS = 8  # of a stamp: x1, y1, x2, y2 px, cosine and sine of its rotation, index of its type, weight


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """A page on disk: `stamps` float32 (T, 8) by COLUMNS, in px of the stored picture; `teacher` likewise, or None."""

    path: Path
    stamps: np.ndarray
    teacher: np.ndarray | None


@dataclass(frozen=True, slots=True)
class Framing:
    """How pages become training pictures of `size` px: pages scaled to `page` px times `least` to `most`."""

    size: int
    page: int
    least: float
    most: float


def read_pages(shards: Path) -> list[RenderedPage]:
    """The pages that `python -m training.synth.shards` has written so far, with the teacher's detections on them.

    Pages that the teacher has not processed yet get the truth in their place.
    """
    targets = shards / "taught.jsonl"
    teacher: dict[str, np.ndarray] | None = None
    if targets.exists():
        teacher = {}
        for line in targets.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            teacher[row["file"]] = np.array(row["stamps"], np.float32).reshape(-1, COLUMNS)
    pages = []
    labels = (shards / "labels.jsonl").read_text(encoding="utf-8")
    for line in labels[: labels.rfind("\n") + 1].splitlines():  # a line may be half written
        row = json.loads(line)
        truth = stamps_of(row)
        found = None if teacher is None else teacher.get(row["file"], truth)
        pages.append(RenderedPage(shards / row["file"], truth, found))
    return pages


def stamps_of(row: dict[str, list[float] | list[str]]) -> np.ndarray:
    """A line of labels.jsonl as float32 (T, 8)."""
    types = list(StampType)
    rotation = np.deg2rad(np.array(row["angles"], np.float32))
    outlines = [types.index(OUTLINE[DieKind(kind)]) for kind in row["kinds"]]
    boxes = np.array(row["boxes"], np.float32).reshape(-1, 4)
    return np.column_stack([boxes, np.cos(rotation), np.sin(rotation), outlines, np.ones(len(boxes))]).astype(
        np.float32
    )


def padded(tables: list[np.ndarray]) -> Stamps:
    """The stamps of each page, float32 (T, 8), as one batch; padding has weight 0."""
    rows = np.zeros((len(tables), max(1, *map(len, tables)), COLUMNS), np.float32)
    for row, table in zip(rows, tables, strict=True):
        row[: len(table)] = table
    batch = torch.from_numpy(rows)
    return Stamps(batch[..., :4], batch[..., 4:6], batch[..., 6].long(), batch[..., 7])


def augment(
    page: RenderedPage, framing: Framing, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The page at a random scale, offset and rotation: uint8 (size, size, 3), its stamps, the teacher's.

    Colours are augmented later, by batch on the training device: see `crop_batches.recolour`.
    """
    picture = Image.open(page.path)
    stored = picture.width
    for _ in range(4):
        scale = np.exp(rng.uniform(np.log(framing.least), np.log(framing.most))) if rng.random() < 0.75 else 1.0
        side = round(framing.page * scale)
        offset = _offset(page.stamps[:, :4] * (side / stored), side, framing.size, rng)
        moved, visible = _moved(page.stamps, side / stored, offset, framing.size)
        if not ((visible > 0) & (visible < MIN_VISIBLE)).any():
            break
    picture.draft("RGB", (side, side))  # a JPEG decodes faster at half its size
    pixels = Image.new("RGB", (framing.size, framing.size), "white")
    corner, end = np.maximum(offset, 0), np.minimum(offset + side, framing.size)
    shown = np.concatenate([corner - offset, end - offset]) * (picture.width / side)  # of the page, in its own pixels
    width, height = (int(length) for length in end - corner)
    window = picture.convert("RGB").resize((width, height), Image.Resampling.BILINEAR, tuple(shown), reducing_gap=2.0)
    pixels.paste(window, (int(corner[0]), int(corner[1])))
    teacher = None
    if page.teacher is not None:
        found, of_found = _moved(page.teacher, side / stored, offset, framing.size)
        teacher = found[of_found >= MIN_VISIBLE]
    quarters = int(rng.integers(1, 4)) if rng.random() < ROTATED_SHARE else 0
    rotated = np.rot90(np.asarray(pixels), -quarters)
    truth = _rotated(moved[visible >= MIN_VISIBLE], quarters, framing.size)
    return np.ascontiguousarray(rotated), truth, None if teacher is None else _rotated(teacher, quarters, framing.size)


def _rotated(rows: np.ndarray, quarters: int, size: int) -> np.ndarray:
    """Stamps (T, 8) on a picture of `size` px after a rotation by `quarters` times 90 degrees clockwise."""
    for _ in range(quarters):
        x1, y1, x2, y2, cos, sin = rows[:, :6].T
        rows = np.column_stack([size - y2, x1, size - y1, x2, -sin, cos, rows[:, 6:]])
    return rows.astype(np.float32)


def _offset(boxes: np.ndarray, side: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """The position of the page's corner, (2,) px; three times of four a stamp is whole in the picture, if possible."""
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


Batch = tuple[Tensor, Stamps, Stamps | None]


class Batches(IterableDataset[Batch]):
    """Endless batches of augmented pages, those that are still being rendered included as they appear."""

    def __init__(self, shards: Path, framing: Framing, batch: int, seed: int) -> None:
        self.shards, self.framing, self.batch, self.seed = shards, framing, batch, seed

    def __iter__(self) -> Iterator[Batch]:
        """(N, size, size, 3) uint8 pixels, their stamps, and the teacher's if any.

        ValueError when the folder has fewer pages than a batch.
        """
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, 0 if worker is None else worker.id])
        while True:
            pages = read_pages(self.shards)
            if len(pages) < self.batch:
                raise ValueError(f"{self.shards} has {len(pages)} pages: render more, or lower --batch")
            order = rng.permutation(len(pages))
            for start in range(0, len(order) - self.batch + 1, self.batch):
                items = [augment(pages[i], self.framing, rng) for i in order[start : start + self.batch]]
                teacher = [found for _, _, found in items if found is not None]
                yield (
                    torch.from_numpy(np.stack([pixels for pixels, _, _ in items])),
                    padded([stamps for _, stamps, _ in items]),
                    padded(teacher) if len(teacher) == len(items) else None,
                )
