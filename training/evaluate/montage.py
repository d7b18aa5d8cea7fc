"""A picture of mistakes: missed stamps and false alarms, cropped with their surroundings."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stamp2vec.detection.candidates import iou
from stamp2vec.imaging import crop, decode_image
from training.evaluate.detection import Matches
from training.evaluate.truth import TruePage, array

TILE = 220
CAPTION = 34
COLUMNS = 7
MOST = 21
TRUTH, FOUND, INK, PAPER = (0, 150, 80), (220, 30, 30), (30, 30, 30), (255, 255, 255)
CONTEXT = 0.8  # of the box's mean side, on each side ...
LEAST_CONTEXT = 0.08  # ... and at least this share of the page, or a small box has nothing around it


@dataclass(frozen=True, slots=True)
class Mistake:
    """One tile: the `focus` box in the middle, true boxes (T, 4) and found ones (K, 4) drawn around it, thinly."""

    path: Path
    focus: np.ndarray
    truths: np.ndarray
    found: np.ndarray
    caption: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture with up to two lines of text below it."""

    picture: Image.Image
    lines: tuple[str, ...]


def misses(pages: Sequence[TruePage], found: Sequence[np.ndarray], matches: Matches, threshold: float) -> list[Mistake]:
    """Stamps that no box at or above the threshold has found, the worst first: lowest score, then largest."""
    ranked = []
    for page, boxes, finder in zip(pages, found, matches.finder):
        truths = array([stamp.box for stamp in page.stamps])
        for truth, box in zip(truths, finder):
            score = boxes[box, 4] if box >= 0 else 0.0
            if score >= threshold:
                continue
            overlap = iou(truth, boxes[:, :4])
            near = boxes[overlap.argmax()] if overlap.max(initial=0.0) > 0 else None
            caption = "nothing near" if near is None else f"best {near[4]:.2f}, IoU {overlap.max():.2f}"
            shown = np.zeros((0, 4)) if near is None else near[None, :4]
            size = max(truth[2:] - truth[:2]) / max(page.width, page.height)
            ranked.append(((score, -size), Mistake(page.path, truth, truths, shown, caption)))
    ranked.sort(key=lambda entry: entry[0])
    return [mistake for _, mistake in ranked]


def alarms(pages: Sequence[TruePage], found: Sequence[np.ndarray], matches: Matches, threshold: float) -> list[Mistake]:
    """Boxes at or above the threshold that are not true at IoU 0.5, the most confident first."""
    ranking, mistakes = matches.rankings[0], []
    for place in np.flatnonzero(~ranking.true & (ranking.score >= threshold)):
        page = pages[ranking.page[place]]
        truths = array([stamp.box for stamp in page.stamps])
        box = found[ranking.page[place]][ranking.index[place], :4]
        caption = f"score {ranking.score[place]:.2f}, IoU {iou(box, truths).max(initial=0.0):.2f}"
        mistakes.append(Mistake(page.path, box, truths, box[None], caption))
    return mistakes


def montage(sections: Sequence[tuple[str, Sequence[Mistake]]]) -> Image.Image:
    """Titled rows of tiles, no more than 21 of each section; truth is green, detections are red."""
    shown = [
        (
            f"{title}: {len(mistakes)}, the worst {len(mistakes[:MOST])}",
            [Tile(tile(mistake), (mistake.caption, mistake.path.name)) for mistake in mistakes[:MOST]],
        )
        for title, mistakes in sections
    ]
    return sheet(shown, (TILE, TILE), COLUMNS)


def sheet(sections: Sequence[tuple[str, Sequence[Tile]]], size: tuple[int, int], columns: int) -> Image.Image:
    """Titled rows of tiles, each with room for `size`, its width and height, and two lines below it."""
    font = ImageFont.load_default(size=12)
    title_font = ImageFont.load_default(size=18)
    width, height = size
    heights = [CAPTION + -(-len(tiles) // columns) * (height + CAPTION) for _, tiles in sections]
    picture = Image.new("RGB", (columns * width, sum(heights)), PAPER)
    draw = ImageDraw.Draw(picture)
    top = 0
    for (title, tiles), section_height in zip(sections, heights):
        draw.text((6, top + 6), title, INK, title_font)
        for number, each in enumerate(tiles):
            x, y = number % columns * width, top + CAPTION + number // columns * (height + CAPTION)
            picture.paste(each.picture, (x + 2, y))
            for line, text in enumerate(each.lines):
                draw.text((x + 4, y + height + line * 14), text[-width * 34 // TILE :], INK, font)
        top += section_height
    return picture


def tile(mistake: Mistake) -> Image.Image:
    """The focus and its surroundings, at most TILE - 4 pixels a side, with the boxes that reach into it."""
    page = decode_image(mistake.path.read_bytes())
    side = float((mistake.focus[2:] - mistake.focus[:2]).mean())
    margin = max(CONTEXT, LEAST_CONTEXT * max(page.shape) / side)
    pixels, (left, top, right, bottom) = crop(page, mistake.focus, margin)
    scale = (TILE - 4) / max(right - left, bottom - top)
    size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
    picture = Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    origin = np.array([left, top] * 2)
    boxes = [(TRUTH, box) for box in mistake.truths] + [(FOUND, box) for box in mistake.found]
    for colour, box in boxes:
        x1, y1, x2, y2 = ((box - origin) * scale).tolist()
        width = 3 if np.array_equal(box, mistake.focus) else 1
        draw.rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=colour, width=width)
    return picture
