"""The truth about pages: what `training.synth.shards` has written, or a kit of real pages."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIZE_EDGES = (0, 4, 8, 16, 32)  # octaves, in hundredths of the page's longer side
ROTATION_EDGES = (0, 5, 15, 45, 90)  # degrees from upright, either way


@dataclass(frozen=True, slots=True)
class TrueStamp:
    """One stamp: `box` is x1, y1, x2, y2 in pixels of the stored picture; unknown attributes are None."""

    box: tuple[float, float, float, float]
    ink: str | None = None
    kind: str | None = None
    script: str | None = None
    angle_deg: float | None = None


@dataclass(frozen=True, slots=True)
class TruePage:
    """One page on disk. Finding what lies in `ignore_boxes` is neither right nor wrong."""

    path: Path
    width: int
    height: int
    stamps: tuple[TrueStamp, ...]
    ignore_boxes: tuple[tuple[float, float, float, float], ...] = ()
    capture: str | None = None
    group: str | None = None


def size_bucket(page: TruePage, stamp: TrueStamp) -> str:
    """The longer side of the box in hundredths of the page's longer side."""
    x1, y1, x2, y2 = stamp.box
    return bucket(100 * max(x2 - x1, y2 - y1) / max(page.width, page.height), SIZE_EDGES)


def rotation_bucket(stamp: TrueStamp) -> str | None:
    """Degrees from upright, whether clockwise or not."""
    return None if stamp.angle_deg is None else bucket(abs((stamp.angle_deg + 180) % 360 - 180), ROTATION_EDGES)


def bucket(value: float, edges: tuple[int, ...]) -> str:
    """The interval, closed below, that a value lies in; as text that sorts like numbers."""
    low = max(edge for edge in edges if edge <= value)
    above = [edge for edge in edges if edge > value]
    return f"{low:02d}-{above[0]:02d}" if above else f"{low:02d}+"


PAGE_SLICES: Mapping[str, Callable[[TruePage], str | None]] = {
    "capture": lambda page: page.capture,
    "group": lambda page: page.group,
}
STAMP_SLICES: Mapping[str, Callable[[TruePage, TrueStamp], str | None]] = {
    "ink": lambda _, stamp: stamp.ink,
    "kind": lambda _, stamp: stamp.kind,
    "script": lambda _, stamp: stamp.script,
    "size, % of page": size_bucket,
    "degrees": lambda _, stamp: rotation_bucket(stamp),
}


def read_shards(folder: Path) -> list[TruePage]:
    """The pages in a folder of `training.synth.shards`. ValueError when its labels are missing or not its own."""
    labels = folder / "labels.jsonl"
    if not labels.is_file():
        raise ValueError(f"{labels} is missing: name a folder that `python -m training.synth.shards` has written")
    lines = labels.read_text(encoding="utf-8").splitlines()
    return [parsed(shard_page, line, folder, f"{labels}, line {number}") for number, line in enumerate(lines, 1)]


def read_kit(folder: Path) -> list[TruePage]:
    """The pages of a kit: a folder whose manifest.json lists `file`, `width`, `height`, `group`, `boxes` of every one.

    Raises ValueError when the manifest is missing or malformed.
    """
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise ValueError(f"{manifest} is missing: name the folder of a kit, which has a list of its pages there")
    rows = json.loads(manifest.read_text(encoding="utf-8"))
    if not isinstance(rows, list):
        raise ValueError(f"{manifest} must hold a list with one row for every page")
    return [kit_page(row, folder, f"{manifest}, row {number}") for number, row in enumerate(rows, 1)]


def parsed(read: Callable[[Any, Path, str], TruePage], line: str, folder: Path, where: str) -> TruePage:
    """One line of JSON as a page."""
    try:
        return read(json.loads(line), folder, where)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{where} is not JSON ({error}): let the run that writes it finish, or render again"
        ) from error


def shard_page(row: Any, folder: Path, where: str) -> TruePage:
    """One line of labels.jsonl; scripts are in newer shards only."""
    try:
        unknown = [None] * len(row["boxes"])
        columns = (row["boxes"], row["inks"], row["kinds"], row.get("scripts", unknown), row["angles"])
        stamps = tuple(TrueStamp(four(box), *known) for box, *known in zip(*columns, strict=True))
        path = folder / row["file"]
        with Image.open(path) as picture:
            width, height = picture.size
        return TruePage(path, width, height, stamps, capture=row["capture"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where} is no page of training.synth.shards: {error!r}; render the shards again") from error


def kit_page(row: Any, folder: Path, where: str) -> TruePage:
    """One row of a kit's manifest."""
    try:
        stamps = tuple(TrueStamp(four(box)) for box in row["boxes"])
        ignore = tuple(four(box) for box in row.get("ignore_boxes") or ())
        return TruePage(
            folder / row["file"], int(row["width"]), int(row["height"]), stamps, ignore, group=str(row["group"])
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{where} is no page: {error!r}; see the kit's own README for its format") from error


def four(box: Any) -> tuple[float, float, float, float]:
    """A box of JSON. ValueError when it is empty or no box."""
    x1, y1, x2, y2 = map(float, box)
    if not (x1 < x2 and y1 < y2 and np.isfinite([x1, y1, x2, y2]).all()):
        raise ValueError(f"box {box} is empty or not finite")
    return x1, y1, x2, y2


def array(boxes: Sequence[tuple[float, float, float, float]]) -> np.ndarray:
    """Boxes as float (T, 4)."""
    return np.array(boxes, float).reshape(-1, 4)
