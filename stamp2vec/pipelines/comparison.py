"""Two stamps to a verdict."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from stamp2vec import hub
from stamp2vec.comparison import (
    Inked,
    LaidPair,
    cannot_tell,
    compare,
    compared,
    illegibility,
    judge_ink,
    judge_vectors,
    lay,
    prior_fault,
)
from stamp2vec.document import InkModels, calibration_of
from stamp2vec.errors import InvalidInput
from stamp2vec.limits import DEFAULT_PRIOR
from stamp2vec.pipelines.embedding import EmbeddingPipeline
from stamp2vec.pipelines.pipeline import BATCH, ModelPipeline, Picture, to_array
from stamp2vec.pipelines.segmentation import SegmentationPipeline
from stamp2vec.values import Comparison, Embedding, Preset, Task


class VerificationPipeline(ModelPipeline):
    """A pair network: pairs of stamps that lie over each other to what each of their places says."""

    task = Task.VERIFY

    def __call__(self, pairs: Sequence[LaidPair]) -> list[np.ndarray]:
        """uint8 (S / 4, S / 4, 2) a pair, see `comparison.evidence`."""
        places: list[np.ndarray] = []
        for first in range(0, len(pairs), BATCH):
            places += self.engine.infer(np.stack([pair.picture for pair in pairs[first : first + BATCH]]))
        return places


def ink_models(verifier: VerificationPipeline, segmenter: SegmentationPipeline) -> InkModels:
    """InvalidInput when nobody has measured the pair network, or when it was with masks of another segmenter."""
    calibration = calibration_of(verifier.manifest.info)
    if segmenter.manifest.name != calibration.segmenter:
        raise InvalidInput(
            f"{verifier.manifest.reference} was measured with masks of {calibration.segmenter}, not of "
            f"{segmenter.manifest.name}: pass {calibration.segmenter}"
        )
    return InkModels(verifier.manifest.info, calibration, segmenter.manifest.info)


class ComparisonPipeline:
    """Says whether two cropped stamps are of one die: by their vectors, and by their ink laid over each other."""

    def __init__(
        self, embedder: EmbeddingPipeline, segmenter: SegmentationPipeline, verifier: VerificationPipeline
    ) -> None:
        """InvalidInput when nobody has measured the pair network, or when it was with masks of another segmenter."""
        self.embedder, self.segmenter, self.verifier = embedder, segmenter, verifier
        self._calibration = ink_models(verifier, segmenter).calibration

    @classmethod
    def from_preset(cls, preset: Preset = Preset.FAST, device: str = "cpu") -> Self:
        """Loads the bundled models of a preset. ModelNotFound when it has none for one of the tasks."""
        embedder = hub.for_preset(Task.EMBED, preset).reference
        return cls.of(EmbeddingPipeline.from_pretrained(embedder, device), preset, device)

    @classmethod
    def of(cls, embedder: EmbeddingPipeline, preset: Preset = Preset.FAST, device: str = "cpu") -> Self:
        """The same with an embedder of the caller's choice."""
        verifier = hub.for_preset(Task.VERIFY, preset)
        return cls(
            embedder,
            SegmentationPipeline.from_pretrained(calibration_of(verifier.info).segmenter, device),
            VerificationPipeline.from_pretrained(verifier.reference, device),
        )

    def __call__(self, a: Picture, b: Picture, *, prior: float | None = None) -> Comparison:
        """`prior`, by default 0.5, is the share of pairs of one die among those that are asked about; the others are
        taken to be of one layout, as look-alikes are.

        InvalidImage when one of them is no picture, InvalidInput when the prior is none.
        """
        if fault := prior_fault(prior):
            raise fault
        known = DEFAULT_PRIOR if prior is None else prior
        crops = [to_array(a), to_array(b)]
        first, second = (
            Embedding(vector, self.embedder.manifest.name, self.embedder.manifest.version)
            for vector in self.embedder.run(crops)
        )
        similarity = compare(first, second)
        if illegible := next(filter(None, map(illegibility, crops)), ""):
            return compared(similarity, first, known, cannot_tell(illegible))
        pair = lay(*map(Inked.of, crops, self.segmenter(crops)))
        (places,) = self.verifier([pair])
        by_vectors = judge_vectors(similarity, self.embedder.manifest.verification, known).probability
        return compared(similarity, first, known, judge_ink(pair, places, self._calibration, known, by_vectors))
