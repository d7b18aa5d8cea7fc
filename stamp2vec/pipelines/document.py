"""A document in; boxes, ink masks, vectors and similarities out: what the gateway does, in one process."""

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import Self

import numpy as np

from stamp2vec import hub
from stamp2vec.candidates import MAX_OVERLAP, check_number, faults
from stamp2vec.comparison import illegibility, similarity_matrix
from stamp2vec.imaging import crop, decode_pages, ink_colour
from stamp2vec.manifest import Preset, Task
from stamp2vec.pipelines.detection import YoloStampPipeline
from stamp2vec.pipelines.embedding import TvaePipeline
from stamp2vec.pipelines.segmentation import StampUnetPipeline
from stamp2vec.results import DocumentResult, ModelInfo, PageResult, Stamp, Timing
from stamp2vec.verification import die_groups, probability_matrix


class DocumentPipeline:
    """Finds every stamp of a document, lifts its ink, embeds it and compares it with every other."""

    def __init__(self, detector: YoloStampPipeline, segmenter: StampUnetPipeline, embedder: TvaePipeline) -> None:
        """Takes the three pipelines that it chains."""
        self.detector = detector
        self.segmenter = segmenter
        self.embedder = embedder

    @classmethod
    def from_preset(cls, preset: Preset = Preset.FAST, device: str = "cpu") -> Self:
        """Loads the bundled models of a preset. ModelNotFound when it has none for one of the tasks."""
        detector, segmenter, embedder = (
            hub.for_preset(task, preset).reference for task in (Task.DETECT, Task.SEGMENT, Task.EMBED)
        )
        return cls(
            YoloStampPipeline.from_pretrained(detector, device),
            StampUnetPipeline.from_pretrained(segmenter, device),
            TvaePipeline.from_pretrained(embedder, device),
        )

    def __call__(
        self,
        document: bytes,
        *,
        min_score: float | None = None,
        max_overlap: float = MAX_OVERLAP,
        include_vectors: bool = True,
        include_masks: bool = False,
        include_crops: bool = False,
    ) -> DocumentResult:
        """Analyses the pages of a file one by one, holding one page in memory at a time.

        `min_score`, 0 to 1, is by default the detector's own threshold; `max_overlap`, 0 to 0.9, is how far two stamps
        may overlap, as intersection over union. What is not included is not computed. A page that cannot be read
        carries its error and loses no other; InvalidImage is raised when none can, and InvalidInput when an option is
        wrong or more than 2,000 stamps are to be compared.
        """
        for fault in faults(min_score, max_overlap):
            raise fault
        clock = _Clock()
        pages: list[PageResult] = []
        legible: list[bool] = []
        for page in decode_pages(document, field="document"):
            clock.lap("decode")
            if page.image is None:
                pages.append(PageResult(page.index, 0, 0, (), page.error))
                continue
            found = self.detector(page.image, min_score, max_overlap)
            clock.lap("detect")
            if include_vectors:
                check_number(len(legible) + len(found))
            parts = [crop(page.image, detection.box) for detection in found]
            crops = [part for part, _ in parts]
            masks = self.segmenter(crops) if include_masks else [None] * len(crops)
            clock.lap("segment")
            vectors = self.embedder(crops) if include_vectors else [None] * len(crops)
            legible += [not illegibility(part) for part in crops]
            clock.lap("embed")
            stamps = tuple(
                Stamp(
                    box=detection.box,
                    score=detection.score,
                    type=detection.type,
                    angle_degrees=detection.angle_degrees,
                    ink_colour=ink_colour(part, mask),
                    crop_box=box,
                    vector=vector,
                    mask=mask,
                    crop=part.copy() if include_crops else None,
                )
                for detection, (part, box), vector, mask in zip(found, parts, vectors, masks, strict=True)
            )
            pages.append(PageResult(page.index, page.image.shape[0], page.image.shape[1], stamps, None))
        errors = [page.error for page in pages if page.error is not None]
        if errors and len(errors) == len(pages):
            raise errors[0]
        stages = ((self.detector, True), (self.segmenter, include_masks), (self.embedder, include_vectors))
        known = [stamp.vector for page in pages for stamp in page.stamps if stamp.vector is not None]
        similarity = similarity_matrix(known)
        verification = self.embedder.manifest.verification
        probability = None
        if verification is not None and include_vectors:
            probability = probability_matrix(similarity, verification)
            pages = _grouped(pages, die_groups(probability, np.array(legible, bool)))
        return DocumentResult(
            pages=tuple(pages),
            similarity=similarity,
            models=tuple(ModelInfo.of(pipeline.manifest) for pipeline, used in stages if used),
            timing=clock.timing(),
            request_id="",
            probability=probability,
        )


def _grouped(pages: Sequence[PageResult], groups: Sequence[int]) -> list[PageResult]:
    """The pages with the number of its die in every stamp, counted through the pages in order."""
    numbers = iter(groups)
    return [
        replace(page, stamps=tuple(replace(stamp, die_group=next(numbers)) for stamp in page.stamps)) for page in pages
    ]


class _Clock:
    """Adds up the time between laps by stage."""

    def __init__(self) -> None:
        self._start = self._last = perf_counter()
        self._spent = dict.fromkeys(("decode", "detect", "segment", "embed"), 0.0)

    def lap(self, stage: str) -> None:
        now = perf_counter()
        self._spent[stage] += now - self._last
        self._last = now

    def timing(self) -> Timing:
        total = perf_counter() - self._start
        return Timing(*(1000 * spent for spent in (*self._spent.values(), total)))
