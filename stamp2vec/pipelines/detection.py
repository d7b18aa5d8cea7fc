"""Pages to stamps."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import overload

import numpy as np

from stamp2vec.detection.candidates import detections
from stamp2vec.detection.options import faults
from stamp2vec.detection.votes import merge
from stamp2vec.document import fit_of, has_tiles, page_views, stored, view_min_score
from stamp2vec.errors import InvalidCall
from stamp2vec.limits import DEFAULT_MAX_OVERLAP, MAX_DETECTIONS
from stamp2vec.pipelines.pipeline import BATCH, AnyPicture, ModelPipeline, Picture, to_page
from stamp2vec.values import Detection, Task


class DetectionPipeline(ModelPipeline):
    """Finds the stamps of a page, best first, in stored pixels; an empty list when there is none."""

    task = Task.DETECT

    def run(
        self, pictures: Iterable[Picture], min_score: float, max_overlap: float, max_detections: int = MAX_DETECTIONS
    ) -> Iterator[list[Detection]]:
        """Detections in order, holding no more than a batch of pictures at a time."""
        detector = self.manifest.info
        waiting = iter(pictures)
        least = view_min_score(detector, min_score)
        fit = fit_of(detector)
        while read := [to_page(picture, fit) for picture in islice(waiting, 1 if has_tiles(detector) else BATCH)]:
            pages = [page_views(each.image, detector) for each in read]
            inputs = [view.pixels for page in pages for view in page]
            batches = (inputs[first : first + BATCH] for first in range(0, len(inputs), BATCH))
            items = (item for batch in batches for item in self.engine.infer(np.stack(batch)))
            for each, page in zip(read, pages):
                found = [(view, detections(next(items), view, least, max_overlap)) for view in page]
                merged = merge(found, max_overlap, min_score, max_detections)
                yield [stored(detection, each.scale) for detection in merged]

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
        """Detections that score at least `min_score`, by default the manifest's threshold; the best 1 to 300 a picture.

        Of two that overlap by more than `max_overlap`, intersection over union, 0 to 0.9, the better one stays: raise
        it to keep stamps apart that lie on each other. InvalidImage when a picture is none, InvalidInput for an option.
        """
        if wrong := faults(min_score, max_overlap, max_detections):
            raise InvalidCall(wrong)
        least = self.manifest.threshold if min_score is None else min_score
        if isinstance(pictures, list):
            return list(self.run(pictures, least, max_overlap, max_detections))
        return next(self.run([pictures], least, max_overlap, max_detections))
