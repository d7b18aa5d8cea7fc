"""From a checkpoint of the pair network to a model with what its evidence means.

`python -m training.pair.calibrate --trials DIR --work DIR --out FOLDER` fits a logistic function on held-out
families of the training split, which are neither trained on nor those that verdicts are judged by.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from stamp2vec import hub
from stamp2vec.calibration import PairCalibration
from stamp2vec.comparison.evidence import Evidence, LaidPair, evidence
from stamp2vec.comparison.frames import SIDE_PX
from stamp2vec.engines import Engine
from stamp2vec.engines.torch import TorchEngine
from stamp2vec.hub.manifest import Manifest
from stamp2vec.models.stamp_pair import StampPair
from stamp2vec.values import Preset, Task
from training.pair.pairs import OTHER
from training.pair.train import Training
from training.pair.trial import Laid, load
from training.run import NOT_YET, commit
from training.synth.variants import Difference

SEGMENTER = "stamp-unet"
AT_ONCE = 8
GENUINE_SHARE, STRANGER_SHARE = 0.5, 0.05  # of all pairs, of the pairs of two dies: people ask about look-alikes
RIDGE = 5e-4
LIMIT_BY_TYPICAL = 0.6  # of the log-odds of the worst place, for each of the typical one
SAME_OF_LETTERS = 0.03  # of pairs of dies that differ in a letter or a digit, the share that keeps the limit
LETTERS, LEGIBLE_PX = (Difference.LETTER.value, Difference.DIGIT.value), 12


def laid_pair(laid: Laid, number: int) -> LaidPair:
    """A trial as the product has it after `lay`."""
    correlation, mirrored, coarseness, cut = laid.measures[number].tolist()
    return LaidPair(laid.pictures[number], correlation, bool(mirrored), coarseness, swapped=False, cut=bool(cut))


def places(engine: Engine, laid: Laid) -> np.ndarray:
    """What a pair network says of every place of every trial, uint8 (N, S / 4, S / 4, 2)."""
    starts = range(0, len(laid.trials), AT_ONCE)
    return np.concatenate([np.stack(engine.infer(np.array(laid.pictures[at : at + AT_ONCE]))) for at in starts])


def evidences(laid: Laid, said: np.ndarray) -> list[Evidence]:
    """What the places of every trial tell."""
    return [evidence(laid_pair(laid, k), said[k]) for k in range(len(laid.trials))]


def calibrated(laid: Laid, seen: list[Evidence]) -> PairCalibration:
    """The weights of the terms of Evidence, and the limit that SAME takes.

    Places that contradict a little are common on poor captures and rare on sharp ones, so the limit moves with what is
    typical of a pair; it is such that so few pairs keep it whose dies differ in a letter that can be read.
    """
    terms = [each.terms for each in seen]
    names = [name for name in terms[0] if name != "intercept"]
    features = np.array([[each[name] for name in names] for each in terms])
    same = np.array([trial.same for trial in laid.trials], float)
    slopes, intercept = fitted(features, same, weights_of(laid))
    apart = np.array([each.worst_letter - LIMIT_BY_TYPICAL * each.typical_letter for each in seen])
    letter = [trial.difference in LETTERS and trial.letter_px >= LEGIBLE_PX for trial in laid.trials]
    return PairCalibration(
        segmenter=SEGMENTER,
        intercept=round(intercept, 6),
        **dict(zip(names, np.round(slopes, 6).tolist(), strict=True)),
        same_limit=round(float(np.quantile(apart[letter], SAME_OF_LETTERS)), 6),
        same_limit_by_typical=LIMIT_BY_TYPICAL,
    )


def weights_of(laid: Laid) -> np.ndarray:
    """What each trial counts, so that pairs of one die, of look-alikes and of strangers have their shares."""
    kinds = np.array([0 if trial.same else 2 if trial.difference == OTHER else 1 for trial in laid.trials])
    shares = np.array([GENUINE_SHARE, (1 - GENUINE_SHARE) * (1 - STRANGER_SHARE), (1 - GENUINE_SHARE) * STRANGER_SHARE])
    return np.asarray((shares / np.maximum(np.bincount(kinds, minlength=3), 1))[kinds])


def fitted(features: np.ndarray, same: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Logistic regression by Newton's method: features (N, F), whether one die made both, (N,), and weights, (N,).

    Slopes (F,) and intercept of the log-odds.
    """
    mean, spread = features.mean(0), features.std(0) + 1e-9
    inputs = np.column_stack([(features - mean) / spread, np.ones(len(features))])
    found = np.zeros(inputs.shape[1])
    ridge = np.append(np.full(features.shape[1], RIDGE), 1e-9)
    weights = weights / weights.sum()
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ found, -30, 30)))
        gradient = inputs.T @ (weights * (chance - same)) + ridge * found
        curvature = (inputs * (weights * chance * (1 - chance))[:, None]).T @ inputs + np.diag(ridge)
        found -= np.linalg.solve(curvature, gradient)
    slopes = found[:-1] / spread
    return slopes, float(found[-1] - slopes @ mean)


def manifest_of(trained: Training, version: str) -> Manifest:
    """All but what calibration finds, and the checksum."""
    return Manifest(
        name="stamp-pair",
        version=version,
        task=Task.VERIFY,
        architecture="stamp-pair",
        config={"width": 32},
        presets=(Preset.FAST, Preset.ACCURATE),
        input_height=2 * SIDE_PX,
        input_width=SIDE_PX,
        threshold=0.0,
        parameters=sum(parameter.numel() for parameter in StampPair().parameters()),
        sha256=NOT_YET,
        vector_size=0,
        training={
            "commit": commit(),
            "data": "python -m training.pair.library",
            "initial_weights": "random",
            "steps": trained.steps,
            "minutes": round(trained.seconds / 60, 1),
            "device": "one core of a CPU",
        },
        metrics={},
        licence="Apache-2.0",
    )


def main() -> None:
    """Fit and write."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--trials", type=Path, required=True, help="folder of training.pair.trial, held out")
    flags.add_argument("--work", type=Path, required=True, help="folder of training.pair.train")
    flags.add_argument("--version", default="1.0.0", help="of the model")
    flags.add_argument("--out", type=Path, required=True, help="folder for the model")
    args = flags.parse_args()
    torch.set_num_threads(1)
    trained = Training(args.work, lr=0.0)
    if not trained.steps:
        flags.error(f"{args.work} has no checkpoint: train with `python -m training.pair.train --work {args.work}`")
    manifest, state = manifest_of(trained, args.version), trained.average.state_dict()
    laid = load(args.trials)
    calibration = calibrated(laid, evidences(laid, places(TorchEngine(manifest, state), laid)))
    hub.save(args.out, replace(manifest, pair_calibration=calibration), state)
    print(calibration)


if __name__ == "__main__":
    main()
