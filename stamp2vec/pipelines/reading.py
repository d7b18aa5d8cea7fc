"""Strips to text, and stamps to what they say."""

from collections.abc import Iterator, Sequence

import numpy as np

from stamp2vec.document.reading import StampReading
from stamp2vec.pipelines.pipeline import ModelPipeline, Picture, to_page
from stamp2vec.reading.canvas import strip_canvas
from stamp2vec.reading.encoding import readings_from_array
from stamp2vec.texts import StampText, StripReadings
from stamp2vec.values import Detection, Task


class ReadingPipeline(ModelPipeline):
    """Reads strips, pictures of one line of text; and whole stamps, of which it makes the strips."""

    task = Task.READ

    def __call__(self, strips: Sequence[Picture]) -> list[StripReadings]:
        """The pieces of text on each strip. InvalidImage when one of them is no picture, or too wide for its height."""
        return list(self._run(strips))

    def stamp(self, crop: np.ndarray, mask: np.ndarray, detection: Detection) -> StampText:
        """What a cropped stamp says: uint8 (h, w, 3), with its soft ink, uint8 (h, w).

        Of the detection its type and its rotation count. `text` has boxes in pixels of the crop.
        """
        reading = StampReading(crop, mask, detection)
        return reading.text(self(reading.learn(self(reading.strips()))))

    def _run(self, strips: Sequence[Picture]) -> Iterator[StripReadings]:
        fitted = [strip_canvas(to_page(strip), self.input_size) for strip in strips]
        if fitted:
            items = self.engine.infer(np.stack([canvas for canvas, _ in fitted]))
            yield from (place.restore(readings_from_array(item)) for item, (_, place) in zip(items, fitted))
