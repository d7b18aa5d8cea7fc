"""Crops to vectors."""

from collections.abc import Iterable
from typing import overload

import numpy as np

from stamp2vec.comparison import blank, cannot_tell, compare, compared, illegibility, judge_vectors, prior_fault
from stamp2vec.errors import IncompatibleVectors, InvalidImage
from stamp2vec.imaging import Letterbox
from stamp2vec.limits import DEFAULT_PRIOR
from stamp2vec.pipelines.pipeline import AnyPicture, CropPipeline, Picture, to_array
from stamp2vec.values import Comparison, Embedding, Task


class EmbeddingPipeline(CropPipeline[np.ndarray]):
    """Turns a cropped stamp into a vector: float32 (D,) of length 1. Compare by dot product."""

    task = Task.EMBED

    def restore(self, item: np.ndarray, box: Letterbox) -> np.ndarray:
        """A vector has no place on the picture."""
        return item

    @overload
    def __call__(self, pictures: Picture) -> np.ndarray: ...
    @overload
    def __call__(self, pictures: list[AnyPicture]) -> list[np.ndarray]: ...
    def __call__(self, pictures: Picture | list[AnyPicture]) -> np.ndarray | list[np.ndarray]:
        """One vector for one picture, a list for a list. InvalidImage when one of them is no picture, or blank."""
        if isinstance(pictures, list):
            return list(self.run(map(_inked, pictures)))
        return next(self.run([_inked(pictures)]))

    def compare(self, a: Picture | Embedding, b: Picture | Embedding, *, prior: float | None = None) -> Comparison:
        """What the vectors of two stamps say, each a crop or a vector of this model: SAME_LAYOUT at most.

        `prior` as for ComparisonPipeline. InvalidImage when a picture is none, InvalidInput when a vector or the prior
        is none, IncompatibleVectors when a vector is of another model.
        """
        if fault := prior_fault(prior):
            raise fault
        known = DEFAULT_PRIOR if prior is None else prior
        embedder = self.manifest.info
        crops = [to_array(side) for side in (a, b) if not isinstance(side, Embedding)]
        made = iter(self._embeddings(crops))
        first, second = (side if isinstance(side, Embedding) else next(made) for side in (a, b))
        similarity = compare(first, second)
        if first.reference != embedder.reference:
            raise IncompatibleVectors(
                f"the vectors are of {first.reference} and this model is {embedder.reference}: embed both stamps anew",
                "a",
            )
        if illegible := next(filter(None, map(illegibility, crops)), ""):
            return compared(similarity, first, known, cannot_tell(illegible))
        return compared(similarity, first, known, judge_vectors(similarity, embedder.verification, known))

    def _embeddings(self, crops: Iterable[np.ndarray]) -> list[Embedding]:
        return [Embedding(vector, self.manifest.name, self.manifest.version) for vector in self.run(crops)]


def _inked(picture: Picture) -> np.ndarray:
    crop = to_array(picture)
    if reason := blank(crop):
        raise InvalidImage(reason)
    return crop
