"""Pages to stamps."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Self, overload

import numpy as np

from stamp2vec import engines, hub
from stamp2vec.detection.candidates import SCORE_FLOOR, detections
from stamp2vec.detection.options import faults
from stamp2vec.detection.refinement import Windows
from stamp2vec.detection.votes import merge
from stamp2vec.document import (
    Refiner,
    fit_of,
    measured_with,
    page_views,
    refined_stamps,
    stored,
    threshold_of,
)
from stamp2vec.engines import Engine
from stamp2vec.errors import InvalidCall, InvalidInput
from stamp2vec.imaging import prepared
from stamp2vec.limits import DEFAULT_MAX_OVERLAP, MAX_DETECTIONS
from stamp2vec.pipelines.pipeline import BATCH, AnyPicture, ModelPipeline, Picture, to_page
from stamp2vec.values import Detection, ModelInfo, Task


class RefinementPipeline(ModelPipeline):
    """A refiner: windows around candidates to what is in them."""

    task = Task.REFINE

    def __call__(self, windows: Windows) -> list[np.ndarray]:
        """float32 (8,) as in `detection.refinement`, a window."""
        return [
            answer
            for first in range(0, len(windows.pixels), BATCH)
            for answer in self.engine.infer(np.stack(windows.pixels[first : first + BATCH]))
        ]


class DetectionPipeline(ModelPipeline):
    """Finds the stamps of a page, best first, in stored pixels; an empty list when there is none."""

    task = Task.DETECT

    def __init__(self, engine: Engine, refiner: RefinementPipeline | None = None) -> None:
        """Without a refiner the detector's own scores and boxes are the result.

        WeightsError when a model does another task, InvalidInput when the refiner was not measured with this detector.
        """
        super().__init__(engine)
        self.refiner = refiner
        self.measured = None if refiner is None else _measured(refiner, self.manifest.info)

    @classmethod
    def from_pretrained(cls, reference: str | Path, device: str = "cpu") -> Self:
        """As for every pipeline; with the bundled refiner that was measured with the detector, where there is one."""
        return cls.refined(engines.load(reference, cls.task, device), device)

    @classmethod
    def refined(cls, engine: Engine, device: str = "cpu") -> Self:
        """A detector with the bundled refiner that was measured with it, where there is one."""
        measured = measured_with(engine.manifest.info, (manifest.info for manifest in hub.bundled()))
        if measured is None:
            return cls(engine)
        return cls(engine, RefinementPipeline.from_pretrained(measured.model.reference, device))

    @property
    def threshold(self) -> float:
        """The score below which stamps are left out by default."""
        return threshold_of(self.manifest.info, self.measured)

    def run(
        self, pictures: Iterable[Picture], min_score: float, max_overlap: float, max_detections: int = MAX_DETECTIONS
    ) -> Iterator[list[Detection]]:
        """Detections in order, holding no more than a batch of pictures at a time."""
        detector = self.manifest.info
        waiting = iter(pictures)
        fit = fit_of(detector, self.measured)
        while read := [prepared(to_page(picture, fit)) for picture in islice(waiting, BATCH if fit else 1)]:
            pages = [page_views(each.image, detector) for each in read]
            inputs = [view.pixels for page in pages for view in page]
            batches = (inputs[first : first + BATCH] for first in range(0, len(inputs), BATCH))
            items = (item for batch in batches for item in self.engine.infer(np.stack(batch)))
            for each, page in zip(read, pages):
                found = [(view, detections(next(items), view, SCORE_FLOOR, max_overlap)) for view in page]
                if self.refiner is None or self.measured is None:
                    stamps = merge(found, max_overlap, min_score, max_detections)
                else:
                    candidates = merge(found, max_overlap, SCORE_FLOOR)
                    windows = Windows.of(each.image, candidates, self.refiner.manifest.input_height)
                    answers = self.refiner(windows)
                    options = min_score, max_overlap, max_detections
                    stamps = refined_stamps(candidates, windows, answers, self.measured, *options)
                yield [stored(detection, each.scale) for detection in stamps]

    @overload
    def __call__(
        self,
        pictures: Picture,
        min_score: float | None = None,
        max_overlap: float = DEFAULT_MAX_OVERLAP,
        max_detections: int = MAX_DETECTIONS,
    ) -> list[Detection]: ...
    @overload
    def __call__(
        self,
        pictures: list[AnyPicture],
        min_score: float | None = None,
        max_overlap: float = DEFAULT_MAX_OVERLAP,
        max_detections: int = MAX_DETECTIONS,
    ) -> list[list[Detection]]: ...
    def __call__(
        self,
        pictures: Picture | list[AnyPicture],
        min_score: float | None = None,
        max_overlap: float = DEFAULT_MAX_OVERLAP,
        max_detections: int = MAX_DETECTIONS,
    ) -> list[Detection] | list[list[Detection]]:
        """Detections that score at least `min_score`, by default `threshold`; the best 1 to 300 a picture.

        Of two that overlap by more than `max_overlap`, intersection over union, 0 to 0.9, the better one stays: raise
        it to keep stamps apart that lie on each other. InvalidImage when a picture is none, InvalidInput for an option.
        """
        if wrong := faults(min_score, max_overlap, max_detections):
            raise InvalidCall(wrong)
        least = self.threshold if min_score is None else min_score
        if isinstance(pictures, list):
            return list(self.run(pictures, least, max_overlap, max_detections))
        return next(self.run([pictures], least, max_overlap, max_detections))


def _measured(refiner: RefinementPipeline, detector: ModelInfo) -> Refiner:
    model = refiner.manifest.info
    measured = measured_with(detector, [model])
    if measured is None:
        of = ", ".join(each.detector for each in model.refinement_calibrations) or "no detector"
        raise InvalidInput(
            f"{model.reference} was measured with {of}, not with {detector.reference}: pass another refiner"
        )
    return measured
