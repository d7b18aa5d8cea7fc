"""Pages to stamps."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import overload

import numpy as np
import torch
from torch import Tensor

from stamp2vec.candidates import MAX_OVERLAP, SCORE_FLOOR, detections, faults, merge, rank
from stamp2vec.imaging import views
from stamp2vec.manifest import Preset, Task
from stamp2vec.models.grids import BOX, SCORE, TURN, TYPE
from stamp2vec.pipelines.pipeline import BATCH, AnyPicture, Picture, ServedPipeline, to_array
from stamp2vec.results import Detection


class YoloStampPipeline(ServedPipeline):
    """Finds the stamps of a page, best first; an empty list when there is none. Serves every detector."""

    task = Task.DETECT

    @property
    def tiled(self) -> bool:
        """Whether the model looks at pages in tiles as well: those of the accurate preset do."""
        return Preset.ACCURATE in self.manifest.presets

    def finish(self, output: Tensor) -> list[np.ndarray]:
        """(N, A, 13) as in `grids` -> the candidates of an item, float32 (K, 7) as in `candidates`, K <= 3000.

        Overlapping ones are not left out: how far stamps may overlap is for each caller to say.
        """
        return candidates_of(output)

    def run(self, pictures: Iterable[Picture], min_score: float, max_overlap: float) -> Iterator[list[Detection]]:
        """Detections in order, holding no more than a batch of pictures at a time."""
        waiting = iter(pictures)
        while pages := [
            views(to_array(picture), self.input_size, tiled=self.tiled)
            for picture in islice(waiting, 1 if self.tiled else BATCH)
        ]:
            inputs = [view.pixels for page in pages for view in page]
            batches = (inputs[first : first + BATCH] for first in range(0, len(inputs), BATCH))
            items = (item for batch in batches for item in self.infer(np.stack(batch)))
            for page in pages:
                least = min_score if len(page) == 1 else SCORE_FLOOR  # what views say together, no one of them knows
                seen = [(view, detections(next(items), view, least, max_overlap)) for view in page]
                yield merge(seen, max_overlap, min_score)

    @overload
    def __call__(
        self, pictures: Picture, min_score: float | None = None, max_overlap: float = MAX_OVERLAP
    ) -> list[Detection]: ...
    @overload
    def __call__(
        self, pictures: list[AnyPicture], min_score: float | None = None, max_overlap: float = MAX_OVERLAP
    ) -> list[list[Detection]]: ...
    def __call__(
        self, pictures: Picture | list[AnyPicture], min_score: float | None = None, max_overlap: float = MAX_OVERLAP
    ) -> list[Detection] | list[list[Detection]]:
        """Detections that score at least `min_score`, by default the manifest's threshold.

        Of two that overlap by more than `max_overlap`, intersection over union, 0 to 0.9, the better one stays: raise
        it to keep stamps apart that lie on each other. InvalidImage when a picture is none, InvalidInput for an option.
        """
        for fault in faults(min_score, max_overlap):
            raise fault
        least = self.manifest.threshold if min_score is None else min_score
        if isinstance(pictures, list):
            return list(self.run(pictures, least, max_overlap))
        return next(self.run([pictures], least, max_overlap))


def candidates_of(output: Tensor) -> list[np.ndarray]:
    """What a detector answers, (N, A, 13) as in `grids` -> the candidates of each item, float32 (K, 7), K <= 3000."""
    cosine, sine = output[..., TURN].unbind(-1)
    turn = torch.rad2deg(torch.atan2(sine, cosine))
    turn = turn.masked_fill(turn <= -180, 180)  # upside down has one name
    kind = output[..., TYPE].argmax(-1)
    score = output[..., SCORE].sigmoid()
    rows = torch.cat([output[..., BOX], torch.stack([score, turn, kind], -1)], -1).float().cpu().numpy()
    return list(map(rank, rows))
