"""Pages whose stamps stand as detectors find hard: two that touch, faint strikes, and strips at a page's edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum

import numpy as np

from training.synth.die import DieKind
from training.synth.impression import Impression
from training.synth.lookalikes import Sheet
from training.synth.placing import Placed, on_page
from training.synth.scenes import Order, Spot, draw_scene

_RINGS = (DieKind.ROUND, DieKind.STAR_ROUND, DieKind.NOTARY, DieKind.OVAL)
_BLOCKS = (DieKind.RECTANGLE, DieKind.NAME_SEAL)
_GAPS = (-0.15, 0.12)  # between two stamps, as shares of the size of the first
_FAINT = {"faint-30": 0.3, "faint-15": 0.15}
_STRIP = (0.3, 0.6)  # of the ink that is on the page
_ATTEMPTS = 40

Strike = Callable[[Order], Impression]


class Arrangement(StrEnum):
    """`touching` is two stamps of like kinds beside each other; `faint-30` and `faint-15` have so much of the usual
    ink; `edge` has a part of a stamp on the page.
    """

    TOUCHING = "touching"
    FAINT_30 = "faint-30"
    FAINT_15 = "faint-15"
    EDGE = "edge"


def arranged(sheet: Sheet, arrangement: Arrangement, strike: Strike) -> list[Placed]:
    """The stamps of a page, which are not on it yet; none where there is no room for them."""
    match arrangement:
        case Arrangement.TOUCHING:
            return _touching(sheet, strike)
        case Arrangement.EDGE:
            return _at_edge(sheet, strike)
        case _:
            return [*_faint(sheet, strike, _FAINT[arrangement])]


def _touching(sheet: Sheet, strike: Strike) -> list[Placed]:
    rng = sheet.rng
    kinds = _RINGS if rng.random() < 0.75 else _BLOCKS
    first, second = (strike(Order(kinds[int(rng.integers(len(kinds)))], Spot.ANYWHERE)) for _ in range(2))
    height, width = sheet.page.shape[:2]
    sizes = [each.coverage.shape for each in (first, second)]
    gap = float(rng.uniform(*_GAPS)) * min(sizes[0])
    for _ in range(_ATTEMPTS):
        turn = rng.uniform(0, 2 * np.pi)
        # Along its direction, half of each of them and the gap: ellipses for rings, and for blocks as good as that.
        reach = sum(0.5 / np.hypot(np.cos(turn) / w, np.sin(turn) / h) for h, w in sizes) + gap
        x, y = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * height
        middles = [(x, y), (x + reach * np.cos(turn), y + reach * np.sin(turn))]
        placed = [
            Placed(each, int(cx - w / 2), int(cy - h / 2))
            for each, (h, w), (cx, cy) in zip((first, second), sizes, middles, strict=True)
        ]
        if all(on_page(each, (height, width)) == 1 for each in placed):
            return placed
    return []


def _at_edge(sheet: Sheet, strike: Strike) -> list[Placed]:
    rng = sheet.rng
    stamp = strike(Order((*_RINGS, *_BLOCKS)[int(rng.integers(len(_RINGS) + len(_BLOCKS)))], Spot.EDGE))
    (height, width), (h, w) = sheet.page.shape[:2], stamp.coverage.shape
    for _ in range(_ATTEMPTS):
        along, into = rng.uniform(0.15, 0.85), rng.uniform(-0.2, 0.2)
        x, y = [
            (along * width, into * h),
            (along * width, height - into * h),
            (into * w, along * height),
            (width - into * w, along * height),
        ][int(rng.integers(4))]
        placed = Placed(stamp, int(x - w / 2), int(y - h / 2))
        if _STRIP[0] <= on_page(placed, (height, width)) <= _STRIP[1]:
            return [placed]
    return []


def _faint(sheet: Sheet, strike: Strike, share: float) -> Iterator[Placed]:
    """One stamp, of a kind that pages have, with so much of its ink, evenly."""
    rng = sheet.rng
    order = draw_scene(rng).orders[0]
    stamp = strike(order)
    stamp = replace(stamp, density=stamp.density * np.float32(share))
    (height, width), (h, w) = sheet.page.shape[:2], stamp.coverage.shape
    for _ in range(_ATTEMPTS):
        x, y = rng.uniform(0.1, 0.9) * width, rng.uniform(0.05, 0.95) * height
        placed = Placed(stamp, int(x - w / 2), int(y - h / 2))
        if on_page(placed, (height, width)) == 1:
            yield placed
            return
