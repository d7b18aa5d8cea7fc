"""Pairs of impressions laid over each other, as the pair network learns from them, with the truth of every place."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stamp2vec.comparison.frames import SIDE_PX, Affine, blurred, framed, sampled, then
from stamp2vec.comparison.ink import INK
from stamp2vec.imaging.windows import Plane
from training.pair.library import LOOK_PX_PER_MM, ORIGINAL, Crop, Die, Shelf

WINDOW_PX = 192
WINDOWS_A_PAIR = 3
_MAP_PX = SIDE_PX // 4  # of the small picture of a frame, in which windows are chosen
GENUINE_SHARE = 0.42
TWO_THINGS = 0.15  # of impostors: both differ from the original
CUT_SHARE = 0.08
FOCUS = {"letter": 6.0, "digit": 6.0, "word": 3.0, "date": 3.0}  # what is hardest is seen most
SAME, TWO, OTHER = "same", "two", "other"


@dataclass(frozen=True, slots=True)
class Window:
    """A window of two impressions that lie over each other, and of the faces of their dies.

    `planes` uint8 (2, W, W, 3), of `ink_planes`; `faces` uint8 (2, W/2, W/2), rubber where it lies on the first.
    """

    planes: np.ndarray
    faces: np.ndarray


@dataclass(frozen=True, slots=True)
class Laid:
    """Two impressions and their dies, and where the frame lies on each: on `b` as truth has it."""

    a: Crop
    b: Crop
    dies: tuple[Die, Die]
    on_a: Affine
    on_b: Affine


def draw(shelf: Shelf, rng: np.random.Generator) -> Laid:
    """A pair of a family: of one die, or of two that differ in one thing, at times two."""
    of = np.array([crop.die for crop in shelf.crops])
    if rng.random() < GENUINE_SHARE:
        counts = np.bincount(of)
        die = int(rng.choice(np.flatnonzero(counts > 1)))
        a, b = rng.permutation(np.flatnonzero(of == die))[:2]
    else:
        others = np.flatnonzero(of > 0)
        if not len(others):
            return draw(shelf, rng)
        focus = np.array([FOCUS.get(shelf.dies[int(of[place])].difference, 1.0) for place in others])
        b = int(rng.choice(others, p=focus / focus.sum()))
        pool = np.flatnonzero((of != of[b]) & (of > 0)) if rng.random() < TWO_THINGS else np.flatnonzero(of == 0)
        a = int(rng.choice(pool if len(pool) else np.flatnonzero(of == 0)))
    if rng.random() < 0.5:
        a, b = b, a
    first, second = (maybe_cut(shelf.crops[int(place)], rng) for place in (a, b))
    frame = _turned(framed(ink(first)), rng)
    on_b = then(then(second.to_crop, inverse(first.to_crop)), frame)
    return Laid(first, second, (shelf.dies[first.die], shelf.dies[second.die]), frame, on_b)


def strangers(shelf: Shelf, other: Shelf, rng: np.random.Generator) -> Laid:
    """Impressions of dies of two families, laid frame over frame at about one size."""
    a, b = (one.crops[int(rng.integers(len(one.crops)))] for one in (shelf, other))
    on_b = then(framed(ink(b)), _moved(rng.normal(0, 0.3), np.exp(rng.normal(0, 0.1)), rng.normal(0, 0.05, 2)))
    return Laid(a, b, (shelf.dies[a.die], other.dies[b.die]), _turned(framed(ink(a)), rng), on_b)


def maybe_cut(crop: Crop, rng: np.random.Generator) -> Crop:
    """At times only a part of the crop: a stamp at the edge of a page, or torn through."""
    return cut(crop, rng) if rng.random() < CUT_SHARE else crop


def cut(crop: Crop, rng: np.random.Generator) -> Crop:
    """From 45 to 75 % of the crop, along one axis."""
    height, width = crop.planes.shape[:2]
    share = rng.uniform(0.45, 0.75)
    across = rng.random() < (0.75 if width > 1.5 * height else 0.5)
    length = max(8, round(share * (width if across else height)))
    first = (width if across else height) - length if rng.random() < 0.5 else 0
    rows, columns = (
        (slice(None), slice(first, first + length)) if across else (slice(first, first + length), slice(None))
    )
    to_crop = crop.to_crop.copy()
    to_crop[0 if across else 1, 2] -= first
    return Crop(crop.die, crop.planes[rows, columns], to_crop, crop.capture, crop.visible, None)


def windows(pair: Laid, rng: np.random.Generator) -> Iterator[Window]:
    """Some windows of a pair: around places where the dies differ if there are any, half of the time; else around ink,
    or around ink that one impression has and the other lacks, which is print, pen or wear where the dies agree.

    The second lies a little off its place, as registration leaves it.
    """
    faces = [face(die, then(_back(pair, k), _at(pair, k)), _MAP_PX) for k, die in enumerate(pair.dies)]
    inks = [
        sampled(np.ascontiguousarray(level(crop.planes[..., INK])), at, _MAP_PX)
        for crop, at in ((pair.a, pair.on_a), (pair.b, pair.on_b))
    ]
    apart = blurred(np.abs(level(faces[0]) - level(faces[1])), 2.0)
    seen = blurred(np.minimum(*(blurred(one, 4.0) for one in inks)), 2.0)
    lonely = np.where(apart < 0.05, blurred(np.abs(inks[0] - inks[1]), 2.0), 0)
    differing = np.argwhere((apart > 0.12) & (seen > 0.05))
    inked = np.argwhere(np.maximum(*inks) > 0.2)
    doubtful = np.argwhere(lonely > max(0.15, float(np.quantile(lonely, 0.9))))
    planes = [_smooth(crop, at) for crop, at in ((pair.a, pair.on_a), (pair.b, pair.on_b))]
    for _ in range(WINDOWS_A_PAIR):
        kind = rng.random()
        around = differing if len(differing) and kind < 0.5 else doubtful if kind > 0.75 else inked
        place = around[int(rng.integers(len(around)))] if len(around) else np.array([_MAP_PX // 2] * 2)
        half = WINDOW_PX / SIDE_PX
        middle = (place[::-1] + 0.5) * 2 / _MAP_PX - 1 + rng.uniform(-0.65, 0.65, 2) * half
        within = np.column_stack([np.eye(2) * half, np.clip(middle, half - 1, 1 - half)])
        loose = 2.5 if rng.random() < 0.15 else 1.0
        shift = rng.normal(0, loose * 2 / WINDOW_PX, 2)
        error = _moved(rng.normal(0, 0.006), np.exp(rng.normal(0, 0.006)), shift) + _bent(rng)
        on_a, on_b = then(pair.on_a, within), then(then(pair.on_b, within), error)
        shown = np.stack([_sampled(one, at) for one, at in zip(planes, (on_a, on_b), strict=True)])
        truth = np.stack(
            [
                face(die, then(_back(pair, k), then(_at(pair, k), within)), WINDOW_PX // 2)
                for k, die in enumerate(pair.dies)
            ]
        )
        yield Window(shown, truth)


def _back(pair: Laid, k: int) -> Affine:
    return inverse((pair.a, pair.b)[k].to_crop)


def _at(pair: Laid, k: int) -> Affine:
    return (pair.on_a, pair.on_b)[k]


def named(a: Die, b: Die) -> str:
    """What two dies of a family differ in."""
    if ORIGINAL not in (a.difference, b.difference):
        return TWO
    return b.difference if a.difference == ORIGINAL else a.difference


def level(plane: np.ndarray) -> Plane:
    """uint8 (H, W) -> float32 of 0 to 1."""
    return np.asarray(plane, np.float32) / np.float32(255)


def ink(crop: Crop) -> Plane:
    """The crop's ink, float32 (H, W)."""
    return level(np.ascontiguousarray(crop.planes[..., INK]))


def _smooth(crop: Crop, at: Affine) -> list[Plane]:
    """The crop's planes without what is too fine for the frame."""
    sigma = float(0.35 * np.sqrt(abs(np.linalg.det(at[:, :2]))) * 2 / SIDE_PX)
    planes = [level(np.ascontiguousarray(crop.planes[..., channel])) for channel in range(3)]
    return planes if sigma < 0.5 else [blurred(plane, sigma) for plane in planes]


def _sampled(planes: list[Plane], at: Affine) -> np.ndarray:
    """uint8 (W, W, 3): the planes in a window."""
    return np.dstack([np.rint(sampled(plane, at, WINDOW_PX) * 255).astype(np.uint8) for plane in planes])


def face(die: Die, to_mm: Affine, side: int) -> np.ndarray:
    """uint8 (side, side): the face of a die in a frame, whose place on the die is given in mm."""
    at = then(np.array([[LOOK_PX_PER_MM, 0, die.origin[0]], [0, LOOK_PX_PER_MM, die.origin[1]]]), to_mm)
    sigma = float(0.35 * np.sqrt(abs(np.linalg.det(at[:, :2]))) * 2 / side)
    relief = blurred(level(die.relief), max(0.5, sigma))
    return np.rint(sampled(relief, at, side) * 255).astype(np.uint8)


def _turned(frame: Affine, rng: np.random.Generator) -> Affine:
    """The frame as another crop would have it."""
    turn = rng.uniform(-np.pi, np.pi) if rng.random() < 0.3 else rng.normal(0, 0.05)
    return then(frame, _moved(turn, np.exp(rng.normal(0.0, 0.04)), rng.normal(0, 0.03, 2)))


def _moved(turn: float, scale: float, shift: np.ndarray) -> Affine:
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    return np.column_stack([np.array([[cosine, -sine], [sine, cosine]]), shift])


def _bent(rng: np.random.Generator) -> Affine:
    return np.column_stack([rng.normal(0, 0.006, (2, 2)), np.zeros(2)])


def inverse(affine: Affine) -> Affine:
    """The map back."""
    linear = np.linalg.inv(affine[:, :2])
    return np.column_stack([linear, -linear @ affine[:, 2]])
