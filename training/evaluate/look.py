"""What is told of the stamps that were found, besides their place: type, turn, ink; of drawn pages alone.

A stamp is found by the box that matches it at IoU 0.5 and scores at least the threshold.
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
    """Shares of the stamps that were found; NaN where there is nothing to tell one from.

    type            with the right type
    turn            whose turn is told within 15 degrees; of round seals too, whose text has a top
    turn_of_turned  the same, among those that are turned by more than 15 degrees: "upright" is always wrong there
    turn_error      no share, but the median of the errors, in degrees
    ink             with the right ink, on pages in colour: what a grey scan shows is black or grey, whatever was struck
    """

    type: float
    turn: float
    turn_of_turned: float
    turn_error: float
    ink: float


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of F stamps that were found on P pages.

    `page` int (F,); `type` and `ink` bool (F,), whether they are right; `error` float (F,), of the turn, 0 to 180
    degrees; `turned` bool (F,), by more than 15 degrees; `colour` bool (F,), on a page that has any.
    """

    pages: int
    page: np.ndarray
    type: np.ndarray
    ink: np.ndarray
    error: np.ndarray
    turned: np.ndarray
    colour: np.ndarray


def told(
    pages: Sequence[TruePage], found: Sequence[Sequence[Detection]], matches: Matches, threshold: float
) -> Told | None:
    """Compare what was found with pages that know the kind, turn and ink of every stamp; None for pages that do not."""
    rows = []
    for number, (page, of_page, finder) in enumerate(zip(pages, found, matches.finder)):
        colour: bool | None = None
        for stamp, place in zip(page.stamps, finder):
            if stamp.kind is None or stamp.angle_deg is None or stamp.ink is None:
                return None
            if place < 0 or of_page[place].score < threshold:
                continue
            colour = in_colour(page) if colour is None else colour
            said = of_page[place]
            type_right, ink_right = said.type is OUTLINE[DieKind(stamp.kind)], said.ink_colour == stamp.ink
            error, turn = apart(said.angle_degrees, stamp.angle_deg), apart(stamp.angle_deg, 0.0)
            rows.append((number, type_right, ink_right, error, turn > NEAR, colour))
    table = np.array(rows, float).reshape(-1, 6)
    page_of, type_, ink, error_of, turned, in_colours = table.T
    flags = (type_ > 0, ink > 0, error_of, turned > 0, in_colours > 0)
    return Told(len(pages), page_of.astype(int), *flags)


def apart(one: float, other: float) -> float:
    """How far two turns are from each other, 0 to 180 degrees."""
    return abs((one - other + 180) % 360 - 180)


def in_colour(page: TruePage) -> bool:
    """Whether any pixel of the stored picture has a colour."""
    pixels = decode_image(page.path.read_bytes())
    return bool((pixels.max(2) - pixels.min(2)).max() > LEAST_COLOUR)


def measure(of: Told, times: np.ndarray | None = None) -> Figures:
    """The figures; `times` int (P,) says how often each page counts, by default once."""
    times = np.ones(of.pages, int) if times is None else times
    drawn = np.repeat(np.arange(len(of.page)), times[of.page])
    near, turned, colour = of.error[drawn] <= NEAR, of.turned[drawn], of.colour[drawn]
    return Figures(
        type=mean(of.type[drawn]),
        turn=mean(near),
        turn_of_turned=mean(near[turned]),
        turn_error=float(np.median(of.error[drawn])) if len(drawn) else float("nan"),
        ink=mean(of.ink[drawn][colour]),
    )


def mean(of: np.ndarray) -> float:
    """NaN of nothing."""
    return float(of.mean()) if len(of) else float("nan")


def interval(of: Told) -> tuple[Figures, Figures]:
    """The lower and the upper ends of the 95 % bootstrap intervals over pages; NaN where a figure is."""
    low, high = bootstrap(lambda times: measure(of, times), of.pages)
    return Figures(*low), Figures(*high)
