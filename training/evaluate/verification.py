"""Verification metrics: is a pair of stamps of one die? Error rates at thresholds, and calibration."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stamp2vec.comparison.verdicts import DIFFERENT_UP_TO, SAME_FROM
from training.evaluate.stamps import Stamps

RATES = (0.01, 0.001)
MOST_RANDOM = 200_000
BINS = 10


@dataclass(frozen=True, slots=True)
class Pairs:
    """P pairs of stamps: indices `a` and `b`, and masks of genuine pairs and of siblings, two look-alikes; all (P,)."""

    a: np.ndarray
    b: np.ndarray
    genuine: np.ndarray
    sibling: np.ndarray

    @property
    def random(self) -> np.ndarray:
        """Mask (P,) of impostor pairs of two families."""
        return np.asarray(~(self.genuine | self.sibling))

    def where(self, kept: np.ndarray) -> "Pairs":
        """The pairs that a mask, bool (P,), keeps."""
        return Pairs(self.a[kept], self.b[kept], self.genuine[kept], self.sibling[kept])

    def weights(self, genuine_share: float, sibling_share: float) -> np.ndarray:
        """The weight of each pair, float (P,) with sum 1, so that genuine and sibling pairs have these shares."""
        shares = (
            (self.genuine, genuine_share),
            (self.sibling, (1 - genuine_share) * sibling_share),
            (self.random, (1 - genuine_share) * (1 - sibling_share)),
        )
        weights = sum((kind * (share / max(int(kind.sum()), 1)) for kind, share in shares), np.zeros(len(self.a)))
        return np.asarray(weights / max(weights.sum(), 1e-12))


@dataclass(frozen=True, slots=True)
class Figures:
    """Error rates of similarities; None without pairs to measure.

    eer              the error rate at the threshold where as many impostors pass as genuine pairs fail (interpolated)
    tar_at_far_...   the share of genuine pairs that pass where at most that share of impostors does; None when there
                     are fewer than three impostors for each that may pass
    """

    genuine: int
    impostors: int
    eer: float | None
    tar_at_far_0_01: float | None
    tar_at_far_0_001: float | None


@dataclass(frozen=True, slots=True)
class Trust:
    """Calibration of the probabilities, over pairs weighted to the shares that they assume.

    `calibration_error` is the expected one over ten bins (Naeini et al. 2015); `log_loss` in nats; `cannot_tell` the
    share of pairs between DIFFERENT_UP_TO and SAME_FROM, also of each kind of pair, and `wrong` the share beyond the
    other one. The verdicts of the library need more than that: see `verdicts`.
    """

    pairs: int
    calibration_error: float
    log_loss: float
    cannot_tell: float
    cannot_tell_genuine: float
    cannot_tell_sibling: float
    cannot_tell_random: float
    wrong: float


def make_pairs(stamps: Stamps, seed: int = 0, most_random: int = MOST_RANDOM) -> Pairs:
    """Every pair within a family and up to `most_random` pairs of two families, of stamps of one group."""
    rng = np.random.default_rng(seed)
    within = list(_within(stamps.family, stamps.group))
    first = np.concatenate([a for a, _ in within] or [np.zeros(0, int)])
    second = np.concatenate([b for _, b in within] or [np.zeros(0, int)])
    n = len(stamps)
    if n * (n - 1) // 2 <= 2 * most_random:
        a, b = np.triu_indices(n, 1)
        order = rng.permutation(len(a))
        a, b = a[order], b[order]
    else:
        a, b = rng.integers(0, n, (2, 2 * most_random))
    kept = np.flatnonzero((stamps.family[a] != stamps.family[b]) & (stamps.group[a] == stamps.group[b]))[:most_random]
    first, second = np.concatenate([first, a[kept]]), np.concatenate([second, b[kept]])
    genuine = stamps.identity[first] == stamps.identity[second]
    return Pairs(first, second, genuine, ~genuine & (stamps.family[first] == stamps.family[second]))


def _within(family: np.ndarray, group: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    order = np.lexsort((group, family))
    ends = np.flatnonzero(np.diff(family[order]) | np.diff(group[order])) + 1
    for members in np.split(order, ends):
        a, b = np.triu_indices(len(members), 1)
        yield members[a], members[b]


def similarities(vectors: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Cosine similarity of every pair: float (N, D) unit vectors -> float (P,)."""
    return np.concatenate(
        [
            np.einsum("nd,nd->n", vectors[pairs.a[at : at + 65536]], vectors[pairs.b[at : at + 65536]])
            for at in range(0, len(pairs.a), 65536)
        ]
        or [np.zeros(0, vectors.dtype)]
    )


def figures(genuine: np.ndarray, impostors: np.ndarray) -> Figures:
    """Errors of the similarities (G,) of genuine pairs and (I,) of impostors; pairs pass at or above a threshold."""
    if not len(genuine) or not len(impostors):
        return Figures(len(genuine), len(impostors), None, None, None)
    thresholds = np.append(np.inf, np.unique(np.concatenate([genuine, impostors]))[::-1])
    far, tar = (1 - np.searchsorted(np.sort(values), thresholds) / len(values) for values in (impostors, genuine))
    gap = far - (1 - tar)  # rises from -1 to 1
    at = int(np.argmax(gap >= 0))
    eer = far[at - 1] + (far[at] - far[at - 1]) * gap[at - 1] / (gap[at - 1] - gap[at])
    passed = [float(tar[far <= rate].max()) if len(impostors) * rate >= 3 else None for rate in RATES]
    return Figures(len(genuine), len(impostors), float(eer), passed[0], passed[1])


def trust(probability: np.ndarray, pairs: Pairs, weights: np.ndarray) -> Trust:
    """Calibration of probabilities (P,) of pairs with weights (P,)."""
    true = pairs.genuine.astype(float)
    sure = np.clip(probability, 1e-6, 1 - 1e-6)
    middle = (probability > DIFFERENT_UP_TO) & (probability < SAME_FROM)
    wrong = np.where(pairs.genuine, probability <= DIFFERENT_UP_TO, probability >= SAME_FROM)
    return Trust(
        pairs=len(probability),
        calibration_error=calibration_error(probability, true, weights),
        log_loss=float(-(weights @ (true * np.log(sure) + (1 - true) * np.log(1 - sure)))),
        cannot_tell=float(weights @ middle),
        cannot_tell_genuine=_share(middle, pairs.genuine),
        cannot_tell_sibling=_share(middle, pairs.sibling),
        cannot_tell_random=_share(middle, pairs.random),
        wrong=float(weights @ wrong),
    )


def calibration_error(probability: np.ndarray, true: np.ndarray, weights: np.ndarray) -> float:
    """Expected calibration error over ten equal bins: probabilities, truth (0 or 1) and weights, all (P,)."""
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, weights * (probability - true), BINS)).sum() / weights.sum())


def _share(of: np.ndarray, among: np.ndarray) -> float:
    return float(of[among].mean()) if among.any() else 0.0
