"""Calibrates an embedder's similarities, and writes the result into its manifest.

`python -m training.embedder.calibrate weights/tvae/1.5.0 --crops ~/.cache/stamp2vec/crops/test`

The probability is fitted on one half of the held-out families and evaluated on the other, by Platt's logistic and by an
isotonic curve; the one with the lower log-loss there is kept.
"""

import argparse
import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stamp2vec.calibration import Verification
from stamp2vec.errors import Stamp2vecError
from stamp2vec.files import write_whole
from stamp2vec.hub import MANIFEST
from stamp2vec.pipelines import EmbeddingPipeline
from training.evaluate.stamps import Stamps, embedded, read_crops
from training.evaluate.verification import RATES, Pairs, Trust, figures, make_pairs, similarities, trust

# The assumed prior: half of all pairs are genuine, and one in five impostor pairs is of two look-alikes.
GENUINE_SHARE = 0.5
SIBLING_SHARE = 0.2
SUREST = 0.999  # a finite sample of pairs supports no more
_BINS = 200
_KNOTS = 33

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was fitted, by which method, and its calibration on the other half of the families."""

    verification: Verification
    method: str
    trust: Trust


def platt(similarity: np.ndarray, genuine: np.ndarray, weights: np.ndarray) -> Curve:
    """A logistic function of the similarity by maximum likelihood (Platt 1999), as points; all (P,)."""
    inputs = np.column_stack([similarity, np.ones(len(similarity))])
    scale_shift = np.zeros(2)
    for _ in range(50):  # Newton
        p = 1 / (1 + np.exp(-np.clip(inputs @ scale_shift, -30, 30)))
        gradient = inputs.T @ (weights * (p - genuine))
        curvature = (inputs * (weights * p * (1 - p))[:, None]).T @ inputs
        scale_shift -= np.linalg.solve(curvature + 1e-6 * np.eye(2), gradient)
    scale, shift = max(float(scale_shift[0]), 1e-3), float(scale_shift[1])
    log_odds = np.linspace(-np.log(SUREST / (1 - SUREST)), np.log(SUREST / (1 - SUREST)), _KNOTS)
    at = (log_odds - shift) / scale
    # Similarities are in [-1, 1]: the curve ends there when it has not reached SUREST.
    ends = np.array([x for x in (-1.0, 1.0) if at[0] < x < at[-1]])
    at = np.sort(np.concatenate([at[abs(at) <= 1], ends]))
    return _points(at, 1 / (1 + np.exp(-(scale * at + shift))))


def isotonic(similarity: np.ndarray, genuine: np.ndarray, weights: np.ndarray) -> Curve:
    """The rising curve that fits best, by pooling adjacent violators (Ayer et al. 1955), as points; all (P,)."""
    order = np.argsort(similarity, kind="stable")
    value, true, weight = similarity[order], genuine[order].astype(float), weights[order]
    edges = np.searchsorted(np.cumsum(weight), np.linspace(0, weight.sum(), _BINS + 1)[1:-1])
    blocks: list[tuple[float, float, float]] = []  # weight, sum of similarities, sum of truth
    for part in np.split(np.arange(len(value)), np.unique(edges)):
        if not len(part):
            continue
        w = weight[part]
        block = (float(w.sum()), float(w @ value[part]), float(w @ true[part]))
        while blocks and blocks[-1][2] / blocks[-1][0] >= block[2] / block[0]:
            before = blocks.pop()
            block = (block[0] + before[0], block[1] + before[1], block[2] + before[2])
        blocks.append(block)
    total = np.array(blocks)
    return _points(total[:, 1] / total[:, 0], total[:, 2] / total[:, 0])


def _points(similarity: np.ndarray, probability: np.ndarray) -> Curve:
    """At least two points, both numbers rounded and rising."""
    at, first = np.unique(np.round(np.clip(similarity, -1, 1), 4), return_index=True)
    sure = np.maximum.accumulate(np.clip(probability[first], 1 - SUREST, SUREST))
    if len(at) == 1:
        at, sure = np.array([-1.0, 1.0]), np.repeat(sure, 2)
    return tuple((float(x), round(float(p), 4)) for x, p in zip(at, sure))


def calibrate(vectors: np.ndarray, stamps: Stamps) -> Calibration:
    """Fit on the pairs within the marked half of the families, evaluate on those within the other half.

    Unit vectors float (N, D). ValueError when a half lacks a kind of pair.
    """
    fit, rest = halves(stamps)
    similarity, weights = similarities(vectors, fit), fit.weights(GENUINE_SHARE, SIBLING_SHARE)
    thresholds = {f"{rate:g}": threshold(similarity, fit, weights, rate) for rate in RATES}
    found = []
    for method in (platt, isotonic):
        curve = method(similarity, fit.genuine, weights)
        verification = Verification(curve, GENUINE_SHARE, SIBLING_SHARE, thresholds)
        evaluated = trust(
            verification.probability(similarities(vectors, rest)), rest, rest.weights(GENUINE_SHARE, SIBLING_SHARE)
        )
        found.append(Calibration(verification, method.__name__, evaluated))
    return min(found, key=lambda calibration: calibration.trust.log_loss)


def halves(stamps: Stamps) -> tuple[Pairs, Pairs]:
    """The pairs within the marked half of the families, and those within the other.

    ValueError when a half lacks a kind of pair.
    """
    pairs = make_pairs(stamps)
    marked = stamps.fitted[pairs.a].astype(int) + stamps.fitted[pairs.b]
    fit, rest = pairs.where(marked == 2), pairs.where(marked == 0)
    for half in (fit, rest):
        if not (half.genuine.any() and half.sibling.any() and half.random.any()):
            raise ValueError(
                "the crops lack pairs of one die or of look-alikes: render several siblings and impressions"
            )
    return fit, rest


def threshold(similarity: np.ndarray, pairs: Pairs, weights: np.ndarray, rate: float) -> float:
    """The least similarity, to four digits, that at most this weighted share of impostors reaches; all (P,)."""
    order = np.argsort(-similarity[~pairs.genuine], kind="stable")
    passed = np.cumsum(weights[~pairs.genuine][order]) / weights[~pairs.genuine].sum()
    first_too_many = min(int(np.searchsorted(passed, rate, side="right")), len(order) - 1)
    reached = float(similarity[~pairs.genuine][order][first_too_many])
    return min(1.0, float(np.floor(reached * 1e4 + 1) / 1e4))


def main() -> int:
    """Fit, print, and write the manifest: 0 when it is written, 2 when the input is at fault."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("model", type=Path, help="the embedder's folder; its manifest.json is written anew")
    flags.add_argument("--crops", type=Path, required=True, action="append", help="held-out crops; may be repeated")
    args = flags.parse_args()
    try:
        pipeline = EmbeddingPipeline.from_pretrained(args.model)
        stamps = read_crops(args.crops)
        vectors = embedded(pipeline, stamps)
        calibration = calibrate(vectors, stamps)
        manifest = pipeline.manifest
        metrics = dict(manifest.metrics) | verification_metrics(vectors, stamps, calibration.trust)
        complete = dataclasses.replace(manifest, verification=calibration.verification, metrics=metrics)
        write_whole(args.model / MANIFEST, complete.to_json().encode())
    except (OSError, ValueError, Stamp2vecError) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 2
    print(f"{manifest.reference}: {calibration.method}, {len(calibration.verification.curve)} points")
    values = {**calibration.verification.far_thresholds, **dataclasses.asdict(calibration.trust)}
    for name, value in values.items():
        print(f"{name:22}{value:.4f}" if isinstance(value, float) else f"{name:22}{value}")
    return 0


def verification_metrics(vectors: np.ndarray, stamps: Stamps, evaluated: Trust) -> dict[str, float]:
    """The manifest's metrics of verification: errors on all families, calibration on the half that was not fitted."""
    pairs = make_pairs(stamps)
    similarity = similarities(vectors, pairs)
    values = {
        "eer_random": figures(similarity[pairs.genuine], similarity[pairs.random]).eer,
        "eer_sibling": figures(similarity[pairs.genuine], similarity[pairs.sibling]).eer,
        "calibration_error": evaluated.calibration_error,
        "cannot_tell": evaluated.cannot_tell,
    }
    return {f"synthetic_{name}": round(value, 4) for name, value in values.items() if value is not None}


if __name__ == "__main__":
    sys.exit(main())
