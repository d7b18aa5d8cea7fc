"""Metrics of the predicted type, rotation and ink of the stamps that were found, on drawn pages only.

A stamp is found when a box matches it at IoU 0.5 and scores at least the threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stamp2vec.imaging import decode_image
from stamp2vec.values import Detection
from training.detector.pages import OUTLINE
from training.evaluate.detection import Matches, bootstrap
from training.evaluate.truth import TruePage
from training.synth.die import DieKind

NEAR = 15.0  # degrees
LEAST_COLOUR = 8  # levels between the channels of any pixel; a grey scan, stored as a colour picture, has none


class Figures(NamedTuple):
    """Shares of the stamps that were found; NaN without stamps to measure.

    type                 with the right type
    rotation             predicted within 15 degrees; round seals included, whose text has a top
    rotation_of_rotated  the same, among stamps rotated by more than 15 degrees: "upright" is always wrong there
    rotation_error       no share, but the median error in degrees
    ink                  with the right ink, on pages in colour: a grey scan shows black or grey, whatever was struck
    """

    type: float
    rotation: float
    rotation_of_rotated: float
    rotation_error: float
    ink: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Predicted against true attributes of F stamps that were found on P pages.

    `page` int (F,); `type` and `ink` bool (F,), whether they are right; `error` float (F,), of the rotation, 0 to 180
    degrees; `rotated` bool (F,), by more than 15 degrees; `colour` bool (F,), on a page that has any.
    """

    pages: int
    page: np.ndarray
    type: np.ndarray
    ink: np.ndarray
    error: np.ndarray
    rotated: np.ndarray
    colour: np.ndarray


def compare(
    pages: Sequence[TruePage], found: Sequence[Sequence[Detection]], matches: Matches, threshold: float
) -> Comparison | None:
    """Compare detections with the kind, rotation and ink of every true stamp; None where the truth lacks one."""
    rows = []
    for number, (page, of_page, finder) in enumerate(zip(pages, found, matches.finder)):
        colour: bool | None = None
        for stamp, place in zip(page.stamps, finder):
            if stamp.kind is None or stamp.angle_deg is None or stamp.ink is None:
                return None
            if place < 0 or of_page[place].score < threshold:
                continue
            colour = in_colour(page) if colour is None else colour
            predicted = of_page[place]
            type_right, ink_right = predicted.type is OUTLINE[DieKind(stamp.kind)], predicted.ink_colour == stamp.ink
            error, rotation = apart(predicted.angle_degrees, stamp.angle_deg), apart(stamp.angle_deg, 0.0)
            rows.append((number, type_right, ink_right, error, rotation > NEAR, colour))
    table = np.array(rows, float).reshape(-1, 6)
    page_of, type_, ink, error_of, rotated, in_colours = table.T
    flags = (type_ > 0, ink > 0, error_of, rotated > 0, in_colours > 0)
    return Comparison(len(pages), page_of.astype(int), *flags)


def apart(one: float, other: float) -> float:
    """The difference of two rotations, 0 to 180 degrees."""
    return abs((one - other + 180) % 360 - 180)


def in_colour(page: TruePage) -> bool:
    """Whether any pixel of the stored picture has a colour."""
    pixels = decode_image(page.path.read_bytes())
    return bool((pixels.max(2) - pixels.min(2)).max() > LEAST_COLOUR)


def measure(of: Comparison, times: np.ndarray | None = None) -> Figures:
    """The figures; `times` int (P,) is the count of each page in a resample, by default 1."""
    times = np.ones(of.pages, int) if times is None else times
    drawn = np.repeat(np.arange(len(of.page)), times[of.page])
    near, rotated, colour = of.error[drawn] <= NEAR, of.rotated[drawn], of.colour[drawn]
    return Figures(
        type=mean(of.type[drawn]),
        rotation=mean(near),
        rotation_of_rotated=mean(near[rotated]),
        rotation_error=float(np.median(of.error[drawn])) if len(drawn) else float("nan"),
        ink=mean(of.ink[drawn][colour]),
    )


def mean(of: np.ndarray) -> float:
    """The mean; NaN of an empty array."""
    return float(of.mean()) if len(of) else float("nan")


def interval(of: Comparison) -> tuple[Figures, Figures]:
    """The lower and the upper ends of the 95 % bootstrap intervals over pages; NaN where a figure is."""
    low, high = bootstrap(lambda times: measure(of, times), of.pages)
    return Figures(*low), Figures(*high)
