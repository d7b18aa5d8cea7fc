"""A whole page: paper, look-alikes, stamps, capture, and the truth about every stamp in the captured pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.synth.arrangements import Arrangement, arranged
from training.synth.backgrounds import DPI, Backgrounds
from training.synth.capture import Capture, capture, transform_points, warp
from training.synth.die import DieKind, DieSpec, die_spec, render
from training.synth.dies.elements import LineText
from training.synth.fonts import Script, Split
from training.synth.impression import LINE_KINDS, Impression, composite, pick_ink, strike
from training.synth.lookalikes import OVER, UNDER, Page, Sheet, fill_in, postage_stamp, scatter, signature
from training.synth.placing import INKED, Placed, on_page, window
from training.synth.scenes import Order, Scene, Spot, draw_scene

Box = tuple[float, float, float, float]

STAMP_FREE = 0.25
_FILLED_IN = (DieKind.WORD, DieKind.DATE, DieKind.RECTANGLE)
_COLOURLESS = ("black", "grey")
# How much of a page's height and width a slip, a till receipt, and a sheet on its side have.
_PARTS = (((0.4, 0.85), (0.4, 0.85)), ((0.4, 0.85), (0.3, 0.5)), ((0.42, 0.55), (0.85, 0.97)))
_LEAST_ON_PAGE = 0.15
_LEAST_SIDE = 4
_LEAST_CONTRAST = 10.0
_FAMILIES = 2**31


@dataclass(frozen=True, slots=True)
class StampTruth:
    """One stamp in the captured image.

    ``box`` is x1, y1, x2, y2 in pixels, half-open, tight on ink coverage above 0.15; ``visible`` is the share of the
    ink that is on the image.
    """

    box: Box
    kind: DieKind
    angle_deg: float
    ink: str
    family: int
    sibling: int
    visible: float
    script: Script


@dataclass(frozen=True, slots=True)
class StampedPage:
    """A captured page: ``image`` uint8 (H, W, 3), its stamps, coverage by the ink of each, uint8 (H, W), the chain."""

    image: Page
    stamps: tuple[StampTruth, ...]
    inks: tuple[Page, ...]
    capture: str

    @property
    def mask(self) -> Page:
        """Coverage by ink of any stamp, uint8 (H, W)."""
        any_ink = np.zeros(self.image.shape[:2], np.uint8)
        for ink in self.inks:
            np.maximum(any_ink, ink, out=any_ink)
        return any_ink


def make_page(
    seed: int, split: Split, backgrounds: Backgrounds, dpi: int = DPI, arrangement: Arrangement | None = None
) -> StampedPage:
    """Make the page of ``seed``: the same seed, split and backgrounds give the same bytes.

    A quarter of pages carry no stamp; nearly all carry look-alikes. ``dpi`` is the resolution it is composed at. With
    an ``arrangement`` nearly all have the stamps of that, and no others.
    """
    rng = np.random.default_rng([seed, 11 if split is Split.TRAIN else 12])
    sheet = Sheet(_paper(backgrounds, rng, dpi), dpi / 25.4, rng, split)
    scene = Scene(()) if rng.random() < STAMP_FREE or arrangement is not None else draw_scene(rng)
    crowd = (2, 1) if rng.random() < 0.3 else (6, 5)  # exclusive maxima: some sheets bear little besides the stamp
    scatter(sheet, UNDER, int(rng.integers(0, crowd[0])))
    scatter(sheet, OVER, int(rng.integers(0, crowd[1])))
    height, width = sheet.page.shape[:2]
    signing = (int(rng.uniform(0.15, 0.85) * width), int(rng.uniform(0.55, 0.93) * height))
    if rng.random() < 0.5:
        signature(sheet, signing)
    placed: list[Placed] = []
    for _ in range(scene.adhesive):
        postage_stamp(sheet)
    for order in scene.orders:
        stamp = _place(sheet, _impression(sheet, order), order.spot, signing, placed)
        if stamp is not None:
            stamp_on(sheet.page, stamp)
            placed.append(stamp)
    for stamp in arranged(sheet, arrangement, lambda order: _impression(sheet, order)) if arrangement else ():
        stamp_on(sheet.page, stamp)
        placed.append(stamp)
    for stamp in placed:
        if stamp.impression.kind in _FILLED_IN and rng.random() < 0.2:
            height, width = stamp.impression.coverage.shape
            fill_in(sheet, (stamp.x + width // 2, stamp.y + int(rng.uniform(0.3, 1.2) * height)))
    if rng.random() < 0.15:
        signature(sheet, signing)
    scatter(sheet, OVER, int(rng.integers(0, 2)))
    return captured(placed, capture(sheet.page, rng, split))


def _paper(backgrounds: Backgrounds, rng: np.random.Generator, dpi: int) -> Page:
    """Return a background at ``dpi``, often with trimmed margins; one in five is a slip or a sheet on its side."""
    page = backgrounds.pick(rng)
    if rng.random() < 0.4:
        top, bottom, left, right = (int(share * min(page.shape[:2])) for share in rng.uniform(0, 0.07, 4))
        page = np.ascontiguousarray(page[top : page.shape[0] - bottom, left : page.shape[1] - right])
    if rng.random() < 0.2:
        tall, wide = _PARTS[int(rng.integers(len(_PARTS)))]
        height, width = int(page.shape[0] * rng.uniform(*tall)), int(page.shape[1] * rng.uniform(*wide))
        y, x = int(rng.integers(0, page.shape[0] - height)), int(rng.integers(0, page.shape[1] - width))
        page = np.ascontiguousarray(page[y : y + height, x : x + width])
    if dpi != DPI:
        size = (round(page.shape[1] * dpi / DPI), round(page.shape[0] * dpi / DPI))
        page = np.array(Image.fromarray(page).resize(size, Image.Resampling.BICUBIC))
    return page


def _impression(sheet: Sheet, order: Order) -> Impression:
    rng = sheet.rng
    while True:
        spec = die_spec(int(rng.integers(_FAMILIES)), int(rng.integers(3)), sheet.split, order.kind, order.script)
        if bare_number(spec):
            continue
        try:
            relief = render(spec, sheet.px_per_mm)
        except ValueError:  # a picture that its font leaves blank: some other die will do
            continue
        ink, wear = pick_ink(rng, spec.kind, order.inks), float(rng.beta(1.5, 2.6))
        if spec.kind in LINE_KINDS and ink.name in _COLOURLESS:
            wear = max(wear, float(rng.uniform(0.35, 0.9)))  # a faultless black line is print to anybody
        return strike(relief, rng, wear, spec=spec, px_per_mm=sheet.px_per_mm, ink=ink)


def bare_number(spec: DieSpec) -> bool:
    """Whether a die prints digits alone, as archives number pages: such Bates numbers are no stamps."""
    texts = [element.text for element in spec.design.elements if isinstance(element, LineText)]
    return spec.kind is DieKind.DATE and len(texts) == 1 and texts[0].isdigit()


def _place(
    sheet: Sheet, stamp: Impression, spot: Spot, signing: tuple[int, int], placed: list[Placed]
) -> Placed | None:
    """Put a stamp where a clerk would; None if it is larger than the page or would hide under another."""
    height, width = sheet.page.shape[:2]
    h, w = stamp.coverage.shape
    if w > 0.9 * width or h > 0.6 * height:
        return None
    for attempt in range(8):
        cx, cy = _middle(sheet, (w, h), spot if attempt < 5 else Spot.ANYWHERE, signing, placed)
        candidate = Placed(stamp, int(cx - w / 2), int(cy - h / 2))
        if on_page(candidate, (height, width)) > 2 * _LEAST_ON_PAGE and not any(_hides(candidate, o) for o in placed):
            return candidate
    return None


def _middle(
    sheet: Sheet, size: tuple[int, int], spot: Spot, signing: tuple[int, int], placed: list[Placed]
) -> tuple[float, float]:
    """Return x, y of the middle of a stamp of ``size`` (w, h)."""
    rng = sheet.rng
    height, width = sheet.page.shape[:2]
    match spot:
        case Spot.SIGNING:
            return signing[0] + rng.normal(0, 0.09) * width, signing[1] + rng.normal(0, 0.045) * height
        case Spot.HEAD:
            return rng.uniform(0.05, 0.95) * width, rng.uniform(0.02, 0.25) * height
        case Spot.EDGE:
            across, along = float(rng.choice([0.02, 0.98])), rng.random()
            x, y = (along, across) if rng.random() < 0.3 else (across, along)
            return x * width, y * height
        case Spot.BESIDE if placed:
            other = placed[int(rng.integers(len(placed)))]
            oh, ow = other.impression.coverage.shape
            if rng.random() < 0.5:
                return other.x + ow / 2 + rng.normal(0, 0.3) * ow, other.y + oh / 2 + rng.choice((-1, 1)) * (
                    oh + size[1]
                ) * rng.uniform(0.4, 0.8)
            return other.x + ow / 2 + rng.normal(0, 0.6) * ow, other.y + oh / 2 + rng.normal(0, 0.8) * oh
        case Spot.BLANK:
            x, y = sheet.blank(*size, 4)
            return x + size[0] / 2, y + size[1] / 2
        case _:
            return rng.uniform(0.05, 0.95) * width, rng.uniform(0.03, 0.97) * height


def _hides(one: Placed, other: Placed) -> bool:
    """Whether two stamps overlap so much that their boxes cannot be separated."""
    (h1, w1), (h2, w2) = one.impression.coverage.shape, other.impression.coverage.shape
    across = min(one.x + w1, other.x + w2) - max(one.x, other.x)
    down = min(one.y + h1, other.y + h2) - max(one.y, other.y)
    return bool(across > 0 and down > 0 and across * down > 0.5 * min(h1 * w1, h2 * w2))


def stamp_on(page: Page, stamp: Placed) -> None:
    """Composite an impression onto a uint8 page, in place, touching only its own window."""
    rows, columns = window(stamp, (page.shape[0], page.shape[1]))
    top, left = stamp.y + rows.start, stamp.x + columns.start
    part = page[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]
    paper = part.astype(np.float32) / 255
    composite(paper, stamp.impression.density[rows, columns], stamp.impression.ink, 0, 0)
    part[...] = np.clip(paper * 255 + 0.5, 0, 255).astype(np.uint8)


def outline(coverage: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return (N, 2) x, y pixel corners whose convex hull holds all coverage above 0.15: the ends of every inked row."""
    inked = coverage > INKED
    rows = np.flatnonzero(inked.any(axis=1))
    first = inked[rows].argmax(axis=1)
    last = inked.shape[1] - inked[rows][:, ::-1].argmax(axis=1)
    ends = [np.column_stack([x, y]) for x in (first, last) for y in (rows, rows + 1)]
    return np.concatenate(ends).astype(np.float64)


def captured(placed: list[Placed], shot: Capture) -> StampedPage:
    """Carry the stamps into a captured page: boxes, masks, and no label for stamps that are no longer visible."""
    height, width = shot.image.shape[:2]
    stamps, inks = [], []
    for stamp in placed:
        points = outline(stamp.impression.coverage) + np.array([stamp.x, stamp.y])
        if len(points) == 0:
            continue
        moved = transform_points(shot.homography, points)
        (x1, y1), (x2, y2) = moved.min(0), moved.max(0)
        box = (max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height)))
        if _too_small(box):
            continue
        corner = (int(box[0]), int(box[1]))
        size = (int(np.ceil(box[2])) - corner[0], int(np.ceil(box[3])) - corner[1])
        ink = _warped_coverage(stamp, shot.homography, corner, size)
        if (
            x1,
            y1,
            x2,
            y2,
        ) != box:  # the visible corners of a rotated stamp that is cut off differ from those of the whole
            box = _extent(ink, corner)
        view = shot.image[corner[1] : corner[1] + size[1], corner[0] : corner[0] + size[0]]
        on_image = _visible(stamp, shot.homography, ink)
        if _too_small(box) or on_image < _LEAST_ON_PAGE or _contrast(view, ink) < _LEAST_CONTRAST:
            continue
        on_page = np.zeros((height, width), np.uint8)
        on_page[corner[1] : corner[1] + size[1], corner[0] : corner[0] + size[0]] = ink
        inks.append(on_page)
        impression = stamp.impression
        angle = impression.angle_deg + _rotation(shot.homography)
        kept = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
        stamps.append(
            StampTruth(
                kept,
                impression.kind,
                angle,
                impression.ink.name,
                impression.family,
                impression.sibling,
                on_image,
                impression.script,
            )
        )
    return StampedPage(shot.image, tuple(stamps), tuple(inks), shot.name)


def _warped_coverage(
    stamp: Placed, homography: npt.NDArray[np.float64], corner: tuple[int, int], size: tuple[int, int]
) -> Page:
    """Return the stamp's coverage, uint8, resampled into a window of the captured image."""
    to_page = np.array([[1, 0, stamp.x], [0, 1, stamp.y], [0, 0, 1]], np.float64)
    to_window = np.array([[1, 0, -corner[0]], [0, 1, -corner[1]], [0, 0, 1]], np.float64)
    coverage = Image.fromarray((stamp.impression.coverage * 255).astype(np.uint8))
    return np.array(warp(coverage, to_window @ homography @ to_page, size, 0))


def _too_small(box: Box) -> bool:
    return box[2] - box[0] < _LEAST_SIDE or box[3] - box[1] < _LEAST_SIDE


def _extent(ink: Page, corner: tuple[int, int]) -> Box:
    """Return the box of the ink in a window at ``corner``, empty where nothing is."""
    ys, xs = np.nonzero(ink > INKED * 255)
    if len(xs) == 0:
        return 0, 0, 0, 0
    return xs.min() + corner[0], ys.min() + corner[1], xs.max() + 1 + corner[0], ys.max() + 1 + corner[1]


def _visible(stamp: Placed, homography: npt.NDArray[np.float64], ink: Page) -> float:
    """Return the share of the stamp's ink that lies on the captured image."""
    h, w = stamp.impression.coverage.shape
    frame = np.array([[0, 0], [w, 0], [w, h], [0, h]]) + np.array([stamp.x, stamp.y])
    corners = transform_points(homography, frame)
    x, y = corners.T
    area = abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2
    whole = float(stamp.impression.coverage.mean()) * area
    return min(float(ink.sum()) / 255 / max(whole, 1e-6), 1.0)


def _contrast(view: Page, ink: Page) -> float:
    """Return by how many grey levels the ink differs from the paper around it, in the channel where it shows most."""
    inked, paper = ink > 100, ink < 16
    if inked.sum() < 8 or paper.sum() < 8:
        inked = ink >= np.percentile(ink, 80)
        paper = ink <= np.percentile(ink, 20)
    return float((np.median(view[paper], axis=0) - view[inked].mean(axis=0)).max())


def _rotation(homography: npt.NDArray[np.float64]) -> float:
    """Return the rotation of the page by the capture, degrees clockwise."""
    origin, right = transform_points(homography, np.array([[0.0, 0.0], [100.0, 0.0]]))
    return float(np.degrees(np.arctan2(right[1] - origin[1], right[0] - origin[0])))
