"""From a trained refiner to one whose answers mean something beside the scores of a detector.

`python -m training.refiner.calibrate --model FOLDER --detector NAME --shards DIR --judged DIR` fits on held-out drawn
pages, and judges by others; `training.refiner.candidates` has searched all of them.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from stamp2vec import engines, hub
from stamp2vec.calibration import RefinementCalibration
from stamp2vec.detection.candidates import SCORE_FLOOR, iou
from stamp2vec.detection.refinement import Windows, worth_a_look
from stamp2vec.document import Refiner, refined_stamps
from stamp2vec.engines.torch import tensors
from stamp2vec.imaging import decode_image
from stamp2vec.pipelines import RefinementPipeline
from stamp2vec.values import Detection, Task
from training.evaluate import attributes
from training.evaluate.detection import Matches, match, training_metrics
from training.evaluate.truth import TruePage, array
from training.pair.calibrate import fitted
from training.refiner import candidates

FALSE_ALARMS = 0.03  # boxes a drawn page that show no stamp and score at least the threshold
BESIDE = 0.1  # overlap with every stamp below which a box shows none
ROUNDS = 3  # of fitting: which box of a stamp counts as the true one follows from the scores
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Seen:
    """A drawn page, the candidates of a detector, best first, and what a refiner has answered of the first of them."""

    page: TruePage
    candidates: list[Detection]
    windows: Windows
    answers: list[np.ndarray]

    def stamps(self, refiner: Refiner) -> list[Detection]:
        """What is found on the page, down to the lowest score."""
        return refined_stamps(self.candidates, self.windows, self.answers, refiner, SCORE_FLOOR, None)


def look(pages: Sequence[tuple[TruePage, list[Detection]]], refiner: RefinementPipeline) -> list[Seen]:
    """What a refiner answers of the candidates of pages."""
    size, seen = refiner.manifest.input_height, []
    for page, found in pages:
        windows = Windows.of(decode_image(page.path.read_bytes()), found, size)
        seen.append(Seen(page, found, replace_pixels(windows), refiner(windows)))
    return seen


def replace_pixels(windows: Windows) -> Windows:
    """The same without the pixels, which nobody needs once they are looked at."""
    return replace(windows, pixels=())


def matched(seen: Sequence[Seen], refiner: Refiner) -> tuple[list[list[Detection]], Matches]:
    """What is found on each page, and which of it is true."""
    found = [each.stamps(refiner) for each in seen]
    truths = [array([stamp.box for stamp in each.page.stamps]) for each in seen]
    return found, match(truths, [np.zeros((0, 4))] * len(seen), list(map(boxes, found)))


def boxes(found: Sequence[Detection]) -> np.ndarray:
    """float (K, 5): x1, y1, x2, y2 and the score."""
    return np.array([[*each.box, each.score] for each in found]).reshape(-1, 5)


def fit(seen: Sequence[Seen], refiner: Refiner) -> Refiner:
    """The weights of both logits, by logistic regression on the candidates that were looked at."""
    for _ in range(ROUNDS):
        _, matches = matched(seen, refiner)
        features, true = [], []
        for number, each in enumerate(seen):
            stamps = each.stamps(refiner)
            ranking = matches.rankings[0]
            right = {int(index) for index in ranking.index[(ranking.page == number) & ranking.true]}
            hits = {stamps[index].score for index in right}
            for candidate, answer in zip(worth_a_look(each.candidates), each.answers, strict=True):
                score = refiner.calibration.probability(candidate.score, float(answer[4]))
                odds = np.log(np.clip(candidate.score, 1e-6, 1 - 1e-6) / np.clip(1 - candidate.score, 1e-6, 1))
                features.append((odds, float(answer[4])))
                true.append(score in hits)
        slopes, intercept = fitted(np.array(features), np.array(true, float), np.ones(len(true)))
        by_detector, by_refiner = (max(0.0, round(float(slope), 4)) for slope in slopes)
        fresh = replace(
            refiner.calibration, intercept=round(intercept, 4), by_detector=by_detector, by_refiner=by_refiner
        )
        refiner = replace(refiner, calibration=fresh)
    return refiner


def calibrated(seen: Sequence[Seen], refiner: Refiner) -> Refiner:
    """Weights, the refiner's share of a box by AP50-95, and the threshold by FALSE_ALARMS."""
    best = max((fit(seen, with_share(refiner, share)) for share in SHARES), key=lambda each: figures(seen, each)["ap"])
    found, matches = matched(seen, best)
    ranking = matches.rankings[0]
    beside = np.array(
        [is_beside(found[page][index], seen[page].page) for page, index in zip(ranking.page, ranking.index)]
    )
    f1 = 2 * np.cumsum(ranking.true) / (np.arange(1, len(ranking.true) + 1) + matches.stamps.sum())
    allowed = np.cumsum(beside) <= FALSE_ALARMS * len(seen)
    threshold = round(float(ranking.score[allowed][f1[allowed].argmax()]), 3)
    return replace(best, calibration=replace(best.calibration, threshold=threshold))


def is_beside(found: Detection, page: TruePage) -> bool:
    """Whether a box shows no stamp, nor a part of one."""
    return bool(iou(np.array(found.box), array([stamp.box for stamp in page.stamps])).max(initial=0.0) < BESIDE)


def with_share(refiner: Refiner, share: float) -> Refiner:
    """The same with another share of a box."""
    return replace(refiner, calibration=replace(refiner.calibration, box_share=share))


def figures(seen: Sequence[Seen], refiner: Refiner) -> dict[str, float]:
    """As `training_metrics`."""
    truths = [array([stamp.box for stamp in each.page.stamps]) for each in seen]
    return training_metrics(truths, [boxes(each.stamps(refiner)) for each in seen], FALSE_ALARMS)


def judged(seen: Sequence[Seen], refiner: Refiner) -> dict[str, float]:
    """The figures of other pages, at the threshold that the refiner has."""
    found, matches = matched(seen, refiner)
    ranking, threshold = matches.rankings[0], refiner.calibration.threshold
    at = ranking.at_least(threshold)
    compared = attributes.compare([each.page for each in seen], found, matches, threshold)
    metrics = figures(seen, refiner)
    result = {
        "ap50": metrics["ap50"],
        "ap": metrics["ap"],
        "recall": float(at.true.sum() / matches.stamps.sum()),
        "precision": float(at.true.mean()),
        "false_alarms": float(matches.empty[at.page].sum() / max(1, matches.empty.sum())),
    }
    if compared is not None:
        of = attributes.measure(compared)
        result |= {"type": of.type, "rotation": of.rotation, "rotation_of_rotated": of.rotation_of_rotated}
    return {name: round(value, 4) for name, value in result.items()}


def main() -> None:
    """Fit and judge for each detector, and write the manifest again."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--model", type=Path, required=True, help="folder of training.refiner.train")
    flags.add_argument("--detector", action="append", required=True, help="a bundled detector; may be repeated")
    flags.add_argument("--shards", type=Path, required=True, help="pages to fit on, of training.synth.shards")
    flags.add_argument("--judged", type=Path, required=True, help="other pages, to judge by")
    args = flags.parse_args()
    torch.set_num_threads(1)
    manifest, weights = hub.load(args.model)
    pipeline = RefinementPipeline(engines.load(args.model, Task.REFINE))
    calibrations: list[RefinementCalibration] = []
    metrics: dict[str, float] = {}
    for name in args.detector:
        reference = hub.read_manifest(hub.find(name)).reference
        first = Refiner(manifest.info, RefinementCalibration(reference, 0.0, 0.5, 1.0, box_share=0.5, threshold=0.5))
        refiner = calibrated(look(candidates.read(args.shards, name), pipeline), first)
        figures_of = judged(look(candidates.read(args.judged, name), pipeline), refiner)
        print(refiner.calibration, figures_of, sep="\n", flush=True)
        calibrations.append(refiner.calibration)
        metrics |= {f"synthetic_{name}_{figure}": value for figure, value in figures_of.items()}
    complete = replace(manifest, refinement_calibrations=tuple(calibrations), metrics=metrics)
    hub.save(args.model, complete, tensors(weights))


if __name__ == "__main__":
    main()
