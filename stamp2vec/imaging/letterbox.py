"""Fit a picture into a model's input without distorting it, and bring the model's answers back."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.imaging.formats import Page, fitted

WHITE = 255


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where a picture lies inside a model's input.

    `scale` is model pixels per picture pixel, before the content was rounded to whole pixels; `pad_x` and `pad_y`
    are the model pixels left of and above the content; `width` and `height` are the picture's; `size` is the
    model's (height, width). A picture whose stored pixels are not square has `stretch_x` and `stretch_y` square pixels
    for each of them: `width` and `height` count the stored ones, and answers are in these.
    """

    scale: float
    pad_x: int
    pad_y: int
    width: int
    height: int
    size: tuple[int, int]
    stretch_x: float = 1.0
    stretch_y: float = 1.0

    @classmethod
    def fit(cls, height: int, width: int, size: tuple[int, int]) -> "Letterbox":
        """Place a picture of these sides in the middle of `size` (height, width), as large as it goes."""
        content_height, content_width = fitted(height, width, size)
        pad_y, pad_x = (size[0] - content_height) // 2, (size[1] - content_width) // 2
        return cls(min(size[0] / height, size[1] / width), pad_x, pad_y, width, height, size)

    def stored(self, height: int, width: int) -> "Letterbox":
        """The same for answers in pixels as they are stored, of which the picture has so many."""
        return replace(self, height=height, width=width, stretch_x=self.width / width, stretch_y=self.height / height)

    @property
    def content_height(self) -> int:
        """Model pixels from the first to the last row of the picture."""
        return min(self.size[0], max(1, round(self.height * self.stretch_y * self.scale)))

    @property
    def content_width(self) -> int:
        """Model pixels from the first to the last column of the picture."""
        return min(self.size[1], max(1, round(self.width * self.stretch_x * self.scale)))

    def boxes_to_image(self, boxes: NDArray[np.floating]) -> NDArray[np.float32]:
        """Map boxes (N, 4), x1 y1 x2 y2 in model pixels, to pixels of the picture, clipped to it."""
        offset = np.array([self.pad_x, self.pad_y] * 2, np.float64)
        factor = np.array([self.width / self.content_width, self.height / self.content_height] * 2)
        mapped = (np.asarray(boxes, np.float64).reshape(-1, 4) - offset) * factor
        limit = np.array([self.width, self.height] * 2, np.float64)
        return np.asarray(mapped.clip(0, limit), np.float32)

    def mask_to_image(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Map a soft mask, uint8 (h, w) in model pixels, to the picture's size, uint8 (H, W)."""
        rows = slice(self.pad_y, self.pad_y + self.content_height)
        columns = slice(self.pad_x, self.pad_x + self.content_width)
        return _resize(mask[rows, columns], self.height, self.width)


def letterbox(image: NDArray[np.uint8], size: tuple[int, int]) -> tuple[NDArray[np.uint8], Letterbox]:
    """Scale a picture, uint8 (H, W, 3), into the middle of white paper of `size` (height, width).

    The scaling is antialiased and the same on every machine. A picture that has the size already comes
    back as it is, not copied.
    """
    box = Letterbox.fit(image.shape[0], image.shape[1], size)
    content = _resize(image, box.content_height, box.content_width)
    if content.shape[:2] == size:
        return content, box
    paper = np.full((*size, image.shape[2]), WHITE, np.uint8)
    paper[
        box.pad_y : box.pad_y + box.content_height,
        box.pad_x : box.pad_x + box.content_width,
    ] = content
    return paper, box


def letterboxed(page: Page, size: tuple[int, int]) -> tuple[NDArray[np.uint8], Letterbox]:
    """A page letterboxed to `size` (height, width), for answers in stored pixels."""
    pixels, box = letterbox(page.image, size)
    return pixels, box.stored(page.info.height, page.info.width)


def _resize(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    if image.shape[:2] == (height, width):
        return image
    # A gap of 2 averages whole blocks first where it shrinks a lot: less than half the time, same picture to the eye.
    shrunk = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(shrunk)
