"""The pages of a document to its result: similarities, probabilities, dies; and which failures end it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stamp2vec.comparison import die_groups, probability_matrix, similarity_matrix
from stamp2vec.errors import InvalidImage, Stamp2vecError
from stamp2vec.values import DocumentResult, ModelInfo, PageResult, Stamp, Timing


@dataclass(frozen=True, slots=True)
class Models:
    """Who answers for a document; None where what a model makes was not asked for."""

    detector: ModelInfo
    embedder: ModelInfo | None
    segmenter: ModelInfo | None

    @property
    def used(self) -> tuple[ModelInfo, ...]:
        """In the order in which the result names them."""
        return tuple(model for model in (self.detector, self.embedder, self.segmenter) if model is not None)


@dataclass(frozen=True, slots=True, eq=False)
class AnalyzedStamp:
    """A stamp whose die group is still to be determined, and whether that can be done by what there is of it.

    `crop_png` is its crop as a PNG file, where it is to be sent: as pixels, those of a document take far more memory.
    """

    stamp: Stamp
    legible: bool
    crop_png: bytes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AnalyzedPage:
    """A page and its stamps, best first; or the error that it ended in. Its sides are in pixels."""

    index: int
    height: int
    width: int
    stamps: tuple[AnalyzedStamp, ...]
    error: Stamp2vecError | None = None


def failed_page(index: int, error: Stamp2vecError, height: int = 0, width: int = 0) -> AnalyzedPage:
    """A page that could not be read (its sides are 0) or analysed. It costs no other page anything."""
    return AnalyzedPage(index, height, width, (), error)


def require_a_page(pages: Sequence[AnalyzedPage]) -> None:
    """The error of the first page when every page failed, and InvalidImage when there is none: these end a document."""
    if not pages:
        raise InvalidImage("the document has no pages: send at least one", "document")
    if all(page.error is not None for page in pages) and pages[0].error is not None:
        raise pages[0].error


def assemble(
    pages: Sequence[AnalyzedPage], models: Models, timing: Callable[[], Timing], request_id: str = ""
) -> DocumentResult:
    """The result of a document, whose pages come in any order. Takes time of N^2 log N for N stamps.

    `timing` is called last, so that it has the time of this too.
    """
    ordered = sorted(pages, key=lambda page: page.index)
    require_a_page(ordered)
    stamps = [each for page in ordered for each in page.stamps]
    similarity = similarity_matrix([each.stamp.vector for each in stamps if each.stamp.vector is not None])
    probability = None
    groups = [0] * len(stamps)
    if models.embedder is not None and models.embedder.verification is not None:
        probability = probability_matrix(similarity, models.embedder.verification)
        groups = die_groups(probability, np.array([each.legible for each in stamps], bool))
    numbers = iter(groups)
    return DocumentResult(
        pages=tuple(
            PageResult(
                page.index,
                page.height,
                page.width,
                tuple(replace(each.stamp, die_group=next(numbers)) for each in page.stamps),
                page.error,
            )
            for page in ordered
        ),
        similarity=similarity,
        probability=probability,
        models=models.used,
        timing=timing(),
        request_id=request_id,
    )
