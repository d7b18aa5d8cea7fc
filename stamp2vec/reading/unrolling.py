"""A stamp to straight strips of its text: the rings of a round or oval one, and what is in lines."""

import numpy as np
from numpy.typing import NDArray

from stamp2vec.imaging.crop import check_mask
from stamp2vec.reading.bands import INNERMOST, LETTER_ROWS, OUTERMOST, ROWS, centre_limits, find_bands, row_of
from stamp2vec.reading.deskew import deskewed, marked
from stamp2vec.reading.ellipse import MOST_PX, fit_ellipse
from stamp2vec.reading.straightening import reduced, ring_turns, straighten
from stamp2vec.strips import Ellipse, Place, Reading, Ring, Strip
from stamp2vec.values import StampType

_LEAST_RATIO = {StampType.ROUND: 0.75, StampType.OVAL: 0.4}  # of the shorter axis to the longer one
_TALL_ROWS = 24  # of a band: letters as high as those of Chinese seals,
_BESIDE_DIGITS = 0.4  # and the outer part of it, in which small digits may stand between the ends of the text
_GAP_DEGREES = 2.0  # over which changes along a ring are averaged
_AS_EMPTY = 0.1  # of the most that changes within _GAP_DEGREES; where less does, there are no letters


def find_places(mask: NDArray[np.uint8], stamp_type: StampType, angle_degrees: float) -> tuple[Place, ...]:
    """Where the text of a stamp is, by its soft ink, uint8 (h, w), its type, and its clockwise rotation from upright.

    A round or oval stamp has its rings, from the outermost in, each once for either way of reading, since the ink does
    not say which it is, and then the lines inside of them. Any other stamp has one rectangle around its ink. Empty
    where there is too little ink, and where no ellipse has the edge of a round or oval stamp's ink on it for a third of
    the way around: too much is cut off or worn, or it is no ring.
    """
    ink, factor = reduced(mask, MOST_PX)
    least_ratio = _LEAST_RATIO.get(stamp_type)
    if least_ratio is None:
        line = deskewed(marked(ink), angle_degrees)
        return () if line is None else (line.scaled(factor),)
    ellipse = fit_ellipse(ink, least_ratio)
    if ellipse is None:
        return ()
    unrolled = _ink_around(ink, ellipse)
    bands = find_bands(unrolled)
    whole = ellipse.scaled(factor)
    rings = [
        Ring(whole, *band, _emptiest(unrolled, ellipse, band), 360.0, reading) for band in bands for reading in Reading
    ]
    limits = centre_limits(unrolled, bands[-1])
    centre = deskewed(_inside(marked(ink), ellipse, limits), angle_degrees)
    return (*rings, *([] if centre is None else [centre.scaled(factor)]))


def unroll(
    crop: NDArray[np.uint8], mask: NDArray[np.uint8], stamp_type: StampType, angle_degrees: float
) -> tuple[Strip, ...]:
    """The straight strips of a stamp, at the places of `find_places`, which says when there are none.

    `crop` is uint8 (h, w, 3), `mask` its soft ink, uint8 (h, w); `angle_degrees` is the stamp's clockwise rotation from
    upright. The sizes of strips are those of `straighten`. ValueError when crop and mask are no such pictures.
    """
    check_mask(crop, mask)
    return straighten(crop, mask, find_places(mask, stamp_type, angle_degrees))


def _around(ellipse: Ellipse) -> Ring:
    return Ring(ellipse, INNERMOST, OUTERMOST, 0.0, 360.0, Reading.CLOCKWISE)


def _ink_around(ink: NDArray[np.uint8], ellipse: Ellipse) -> NDArray[np.uint8]:
    """All rings of a stamp's ink, unrolled from the top: uint8 (ROWS, w)."""
    (strip,) = straighten(np.repeat(ink[..., None], 3, axis=2), ink, [_around(ellipse)], ROWS)
    return strip.ink


def _emptiest(unrolled: NDArray[np.uint8], ellipse: Ellipse, band: tuple[float, float]) -> float:
    """The middle of the longest part of a band without letters, in degrees clockwise from the top.

    Letters change along the ring, and a rim that is worn off in places is no gap between them; what stands in the
    centre may reach into the inner part of a band.
    """
    first, last = row_of(band[1]), row_of(band[0])
    last = min(last, first + LETTER_ROWS)
    if last - first >= _TALL_ROWS:
        first += round(_BESIDE_DIGITS * (last - first))
    rows = unrolled[first:last].astype(np.float32)
    amount = abs(rows - np.roll(rows, 1, axis=1)).mean(0)
    window = max(1, round(len(amount) * _GAP_DEGREES / 360))
    sums = np.convolve(np.concatenate([amount, amount[: window - 1]]), np.ones(window), "valid")
    share = (_longest(sums <= sums.min() + _AS_EMPTY * (sums.max() - sums.min())) + window / 2) / len(amount) % 1.0
    turn, _ = ring_turns(_around(ellipse), np.array([share]))
    x, y = ellipse.inset(sum(band) / 2).points(turn)[0]
    return float(np.degrees(np.arctan2(x - ellipse.x, ellipse.y - y)) % 360)


def _longest(low: NDArray[np.bool_]) -> float:
    """The middle of the longest run of a circle, of which some are and some are not."""
    if low.all():
        return 0.0
    start = int(np.flatnonzero(~low)[0])
    edges = np.flatnonzero(np.diff(np.roll(low, -start), prepend=False, append=False)).reshape(-1, 2)
    first, end = edges[np.argmax(edges[:, 1] - edges[:, 0])].tolist()
    return float((start + (first + end - 1) / 2) % len(low))


def _inside(points: NDArray[np.float64], ellipse: Ellipse, limits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Those of the points (N, 2) inside of these levels of the ellipse, one for each part of the way around."""
    ends, _ = ring_turns(_around(ellipse), np.linspace(0, 1, len(limits) + 1))
    along, beside = ellipse.unit(points)
    turns = ends[0] + (np.arctan2(beside, along) - ends[0]) % (2 * np.pi)
    part = np.clip(np.searchsorted(ends, turns, "right") - 1, 0, len(limits) - 1)
    from_outside = (1 - np.hypot(along, beside)) * ellipse.semi_minor
    return np.asarray(points[from_outside > (1 - limits[part]) * ellipse.radius])
