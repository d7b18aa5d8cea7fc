"""Who answers for a document."""

from collections.abc import Iterable
from dataclasses import dataclass

from stamp2vec.calibration import PairCalibration, RefinementCalibration
from stamp2vec.errors import InvalidInput
from stamp2vec.values import ModelInfo


@dataclass(frozen=True, slots=True)
class InkModels:
    """What the ink of two stamps is compared by: a pair network, what its evidence means, and the segmenter that this
    was measured with.
    """

    verifier: ModelInfo
    calibration: PairCalibration
    segmenter: ModelInfo


@dataclass(frozen=True, slots=True)
class Refiner:
    """What looks again at the candidates of a detector, and what it says means beside the detector's scores."""

    model: ModelInfo
    calibration: RefinementCalibration


@dataclass(frozen=True, slots=True)
class Models:
    """The models of a document; None where what one makes was not asked for, or where there is none."""

    detector: ModelInfo
    embedder: ModelInfo | None
    segmenter: ModelInfo | None
    ink: InkModels | None = None
    reader: ModelInfo | None = None
    refiner: Refiner | None = None

    def used(self, *, ink_was_compared: bool) -> tuple[ModelInfo, ...]:
        """In the order in which the result names them, each once."""
        of_ink = (self.ink.segmenter, self.ink.verifier) if self.ink and ink_was_compared else ()
        refiner = self.refiner.model if self.refiner else None
        named = (self.detector, self.embedder, self.segmenter, refiner, *of_ink, self.reader)
        return tuple({model.reference: model for model in named if model is not None}.values())


def calibration_of(verifier: ModelInfo) -> PairCalibration:
    """What a pair network's evidence means; InvalidInput where nobody has measured it."""
    if verifier.pair_calibration is None:
        message = f"nobody has measured what the evidence of {verifier.reference} means"
        raise InvalidInput(f"{message}: compare by a newer version of it, or by vectors alone", "mode")
    return verifier.pair_calibration


def measured_with(detector: ModelInfo, models: Iterable[ModelInfo]) -> Refiner | None:
    """The first of some models that is a refiner measured with exactly this detector; None without one."""
    for model in models:
        for calibration in model.refinement_calibrations:
            if calibration.detector == detector.reference:
                return Refiner(model, calibration)
    return None


def threshold_of(detector: ModelInfo, refiner: Refiner | None) -> float:
    """The score below which stamps are left out by default."""
    return detector.threshold if refiner is None else refiner.calibration.threshold
