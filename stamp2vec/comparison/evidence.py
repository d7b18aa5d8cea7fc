"""Evidence from the ink of two stamps: one laid over the other, and what a pair network says of each place.

Impressions of one die lose ink, on one side or the other; two dies contradict each other where both have left ink, if
only at a letter. So what one lacks is no evidence, and one place that contradicts outweighs many that agree.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stamp2vec.calibration import PairCalibration
from stamp2vec.comparison.frames import SIDE_PX, laid
from stamp2vec.comparison.ink import INK, ink_planes
from stamp2vec.comparison.registration import register
from stamp2vec.imaging.windows import Plane, grown, window_mean
from stamp2vec.values import Overlay

AGREES, CONTRADICTS = range(2)  # of what the pair network says of a place
_SLACK_PX = 1  # of half the frame: how far ink may lie beside its place
_EDGE_PX, _CUT = 3, 0.04  # rows or columns at an edge of a crop, and how much of them is inked where a stamp is cut
_LETTER = 2  # radius, in places, of a window of about the size of a letter
_SEEN = 0.3  # how much of a window shows anything
_TYPICAL = 0.9  # the quantile of windows
_SUREST = 1e-4  # that a place is said to agree or to contradict: a byte shows no more


@dataclass(frozen=True, slots=True, eq=False)
class Inked:
    """A crop as a comparison sees it: `planes` uint8 (H, W, 3) of `ink_planes`."""

    planes: NDArray[np.uint8]

    @classmethod
    def of(cls, crop: NDArray[np.uint8], mask: NDArray[np.uint8]) -> "Inked":
        """A crop, uint8 (H, W, 3), with its soft mask, uint8 (H, W)."""
        return cls(ink_planes(crop, mask))

    @property
    def ink(self) -> Plane:
        """float32 (H, W), 0 is paper and 1 full ink."""
        return np.ascontiguousarray(self.planes[..., INK]).astype(np.float32) / np.float32(255)

    @property
    def is_cut(self) -> bool:
        """Whether ink runs over an edge of the crop: a part of the stamp may be missing."""
        ink = self.planes[..., INK].astype(np.float32) / np.float32(255)
        edges = (ink[:_EDGE_PX], ink[-_EDGE_PX:], ink[:, :_EDGE_PX].T, ink[:, -_EDGE_PX:].T)
        return any(float(edge.max(0).mean()) > _CUT for edge in edges)

    @property
    def order(self) -> tuple[int, bytes]:
        """Of two stamps the greater is the one whose frame both are laid into, whichever is named first."""
        return int(self.planes[..., INK].sum(dtype=np.int64)), self.planes.tobytes()


@dataclass(frozen=True, slots=True, eq=False)
class LaidPair:
    """Two stamps in one frame: the input of a pair network, uint8 (2 S, S, 3), and how well they fit.

    `coarseness` is how many pixels of the frame one pixel of the coarser crop covers. `cut` says that of one of them a
    part may be missing. `swapped` says that the second stamp's frame was taken, and that its picture is therefore the
    upper one.
    """

    picture: NDArray[np.uint8]
    correlation: float
    mirrored: bool
    coarseness: float
    swapped: bool
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What tells of a whole pair.

    `agreeing` is how many places agree; `worst_letter` are the log-odds that the window of a letter's size contradicts
    that does so most, `typical_letter` those that one in ten of the windows with ink reaches: of poor captures many
    places seem to contradict a little.
    """

    correlation: float
    agreeing: float
    worst_letter: float
    typical_letter: float

    @property
    def terms(self) -> dict[str, float]:
        """What a PairCalibration weighs, by its names."""
        return {
            "intercept": 1.0,
            "correlation": self.correlation,
            "correlation_squared": self.correlation**2,
            "worst_letter": self.worst_letter,
            "worst_letter_squared": self.worst_letter**2,
            "worst_letter_by_correlation": self.worst_letter * self.correlation,
            "worst_letter_by_typical": self.worst_letter * self.typical_letter,
            "typical_letter": self.typical_letter,
            "typical_letter_squared": self.typical_letter**2,
            "typical_letter_by_correlation": self.typical_letter * self.correlation,
        }

    def stands_out(self, calibration: PairCalibration) -> bool:
        """Whether a place contradicts more than the quality of the captures explains."""
        limit = calibration.same_limit + calibration.same_limit_by_typical * self.typical_letter
        return self.worst_letter > limit

    def log_odds(self, calibration: PairCalibration) -> float:
        """That one die made both, where half of all pairs are of one die and the others of one layout."""
        terms = self.terms
        return sum(weight * terms[name] for name, weight in calibration.weights.items())


def lay(a: Inked, b: Inked) -> LaidPair:
    """Lays two stamps over each other; takes a twentieth of a second of one core, whatever is on them."""
    swapped = a.order < b.order
    first, second = (b, a) if swapped else (a, b)
    found = register(first.ink, second.ink)
    pictures = laid(first.planes, found.a), laid(second.planes, found.b, found.bend)
    finest = min(float(np.sqrt(abs(np.linalg.det(at[:, :2])))) for at in (found.a, found.b))
    return LaidPair(
        picture=np.concatenate(pictures),
        correlation=found.correlation,
        mirrored=found.mirrored,
        coarseness=SIDE_PX / 2 / finest,
        cut=a.is_cut or b.is_cut,
        swapped=swapped,
    )


def evidence(pair: LaidPair, places: NDArray[np.uint8]) -> Evidence:
    """What places, uint8 (S / 4, S / 4, 2) of AGREES and CONTRADICTS, say together."""
    agrees, contradicts = (places[..., k].astype(np.float32) / np.float32(255) for k in (AGREES, CONTRADICTS))
    letters = window_mean(contradicts, _LETTER)
    seen = letters[window_mean(agrees + contradicts, _LETTER) > _SEEN]
    return Evidence(
        correlation=pair.correlation,
        agreeing=float(agrees.sum()),
        worst_letter=_log_odds(float(letters.max())),
        typical_letter=_log_odds(float(np.quantile(seen, _TYPICAL)) if len(seen) else 0.0),
    )


def overlay_of(pair: LaidPair, places: NDArray[np.uint8]) -> Overlay:
    """Both stamps for people to look at, in the order in which they were named."""
    inks = pair.picture[..., INK].reshape(2, SIDE_PX, SIDE_PX)
    a_ink, b_ink = inks[::-1] if pair.swapped else inks
    half = SIDE_PX // 2  # shares of ink are no finer
    a, b = (ink.reshape(half, 2, half, 2).mean((1, 3), dtype=np.float32) / np.float32(255) for ink in (a_ink, b_ink))
    return Overlay(
        a_ink=np.ascontiguousarray(a_ink),
        b_ink=np.ascontiguousarray(b_ink),
        agrees=np.ascontiguousarray(places[..., AGREES]),
        contradicts=np.ascontiguousarray(places[..., CONTRADICTS]),
        correlation=float(np.clip(pair.correlation, -1, 1)),
        missing_ink=float(np.clip(a - grown(b, _SLACK_PX), 0, None).sum() / (a.sum() + 1)),
        added_ink=float(np.clip(b - grown(a, _SLACK_PX), 0, None).sum() / (b.sum() + 1)),
        mirrored=pair.mirrored,
    )


def _log_odds(chance: float) -> float:
    chance = min(max(chance, _SUREST), 1 - _SUREST)
    return float(np.log(chance / (1 - chance)))
