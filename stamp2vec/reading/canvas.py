"""A strip inside an input of fixed size: what is read changes with padding, so its own width goes along.

A canvas is uint8 (65, 2560, 3): 64 rows of pixels, the strip at their left, and one row that is 255 in the columns of
the strip.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import Page
from stamp2vec.texts import StripReadings

STRIP_HEIGHT_PX = 64
CANVAS_HEIGHT_PX = STRIP_HEIGHT_PX + 1
CANVAS_WIDTH_PX = 2560
LINE_PX, STEP_PX = 40, 4  # rows that stamp-text sees, and columns for one of its output
_NARROWEST_PX = 16

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class StripPlace:
    """How many pixels of a picture there are for one of its strip, along a row and along a column."""

    x_scale: float
    y_scale: float

    def restore(self, strip: StripReadings) -> StripReadings:
        """Readings in pixels of the strip in those of the picture."""
        return replace(strip, readings=tuple(replace(each, box=self._restored(each.box)) for each in strip.readings))

    def _restored(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        x1, y1, x2, y2 = box
        x, y = self.x_scale, self.y_scale
        return round(x1 * x), round(y1 * y), round(x2 * x), round(y2 * y)


def strip_canvas(page: Page, size: tuple[int, int]) -> tuple[NDArray[np.uint8], StripPlace]:
    """A picture of one line of text on a canvas of (height, width) `size`, of which the last row tells the width.

    InvalidImage for one that is too wide for its height: scaled to fit, it could not be read.
    """
    strip_height, most = size[0] - 1, size[1]
    picture = page.image
    height, width = picture.shape[:2]
    scaled = max(_NARROWEST_PX, round(width * strip_height / height))
    if scaled > most:
        shape = f"a strip of {width} x {height} pixels is wider than {most // strip_height} times its height"
        raise InvalidImage(f"{shape}: cut it into pieces that overlap")
    if (height, width) != (strip_height, scaled):
        picture = np.asarray(Image.fromarray(picture).resize((scaled, strip_height), Image.Resampling.BILINEAR))
    canvas = np.zeros((*size, 3), np.uint8)
    canvas[:strip_height, :scaled] = picture
    canvas[strip_height, :scaled] = 255
    return canvas, StripPlace(width / scaled, height / strip_height)


def from_canvas(canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The strip, uint8 (64, W, 3), W at least 1."""
    width = max(1, int((canvas[STRIP_HEIGHT_PX, :, 0] > 0).sum()))
    return canvas[:STRIP_HEIGHT_PX, :width]
