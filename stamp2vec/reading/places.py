"""What of a stamp is read: more than holds text, since only the readings tell where it is."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stamp2vec.reading.lines import split_lines
from stamp2vec.reading.straightening import straighten
from stamp2vec.reading.unrolling import find_places
from stamp2vec.strips import Line, Reading, Ring
from stamp2vec.values import StampType

Place = Ring | Line

# Shares of the radius that hold the letters of most seals: small ones under a rim, and large ones, as of Chinese seals.
_BANDS = ((0.70, 0.95), (0.55, 0.93))
_DIGITS = (0.80, 0.96)  # the digits under the ring of a Chinese seal
_WHOLE_DEGREES, _OVERLAP_DEGREES = 360.0, 60.0  # a text that the seam of a ring cuts is whole at the other end
_MOST_RINGS = 3
_MARKS = 0.1  # of its height, on both sides of a band: marks on letters are fainter than they
_LEAST_BAND = 0.2  # of the radius of its middle: the strip is then 37 times as long as high, and 40 times can be read


def reading_places(ink: NDArray[np.uint8], stamp_type: StampType, angle_degrees: float) -> tuple[Place, ...]:
    """The rings and lines of a stamp to read, by its soft ink, uint8 (h, w), its type and its clockwise rotation.

    Rings are unrolled clockwise alone: what stands the other way up is upside down on their strips. Empty where there
    is too little ink.
    """
    found = find_places(ink, stamp_type, angle_degrees)
    if not found:  # no ring fits: what is left of it may still be straight
        found = find_places(ink, StampType.OTHER, angle_degrees)
    rings = _rings([place for place in found if isinstance(place, Ring) and place.reading is Reading.CLOCKWISE])
    lines = [line for place in found if isinstance(place, Line) for line in _lines(ink, place)]
    if rings:  # where the centre ends and the ring begins is not known to a letter
        lines = [replace(line, width=line.width + line.height) for line in lines]
    return (*rings, *lines)


def _rings(found: list[Ring]) -> list[Ring]:
    if not found:
        return []
    bands = [_with_marks(ring.inner, ring.outer) for ring in found[:_MOST_RINGS]]
    span = _WHOLE_DEGREES + _OVERLAP_DEGREES
    wide = [_widened(*band) for band in (*bands, *_BANDS, _DIGITS)]
    return [replace(found[0], inner=inner, outer=outer, span_degrees=span) for inner, outer in wide]


def is_for_digits(ring: Ring) -> bool:
    """Whether its band is so thin and so far out that it cuts letters: only numbers are to be taken from it."""
    return (ring.inner, ring.outer) == _widened(*_DIGITS)


def _with_marks(inner: float, outer: float) -> tuple[float, float]:
    margin = _MARKS * (outer - inner)
    return inner - margin, outer + margin


def _widened(inner: float, outer: float) -> tuple[float, float]:
    """A band whose strip is not too long for its height to be read."""
    middle = (inner + outer) / 2
    half = max((outer - inner) / 2, _LEAST_BAND * middle / 2)
    return middle - half, middle + half


def _lines(ink: NDArray[np.uint8], block: Line) -> list[Line]:
    (strip,) = straighten(np.repeat(ink[..., None], 3, axis=2), ink, [block])
    return split_lines(strip.ink, block)
