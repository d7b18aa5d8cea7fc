"""A stamp on a page: its crop, and what the models make of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stamp2vec.comparison import illegibility
from stamp2vec.comparison.ink import reduced
from stamp2vec.document.options import Options
from stamp2vec.document.stamps import AnalyzedStamp
from stamp2vec.imaging import crop, ink_colour
from stamp2vec.ink.lifting import lift, on_white
from stamp2vec.reading import unroll
from stamp2vec.strips import Strip
from stamp2vec.texts import StampText, moved
from stamp2vec.values import Detection, Stamp


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A detection and the part of its page that the segmenter and the embedder get.

    `pixels` is uint8 (h, w, 3), a view of the page; `box` is x1, y1, x2, y2 in whole pixels of the page; `legible` is
    whether there is enough of the stamp to determine its die.
    """

    detection: Detection
    pixels: NDArray[np.uint8]
    box: tuple[int, int, int, int]
    legible: bool


def cut(page: NDArray[np.uint8], detection: Detection) -> Crop:
    """Cuts a stamp out of a page, uint8 (H, W, 3)."""
    pixels, box = crop(page, detection.box)
    return Crop(detection, pixels, box, legible=not illegibility(pixels))


def analyzed_stamp(
    part: Crop,
    vector: np.ndarray | None,
    mask: np.ndarray | None,
    options: Options,
    *,
    text: StampText | None = None,
    keep_picture: bool = False,
) -> AnalyzedStamp:
    """A stamp with what was asked for: its vector, float32 (D,), and what its crop and mask, uint8 (h, w), make.

    `text` has boxes in pixels of the crop.

    The colour of the ink is that of the page, where the mask shows ink if there is one. `keep_picture` holds the crop
    of a legible stamp, smaller than a quarter of a megapixel, for its ink to be compared.
    """
    found = part.detection
    strips: tuple[Strip, ...] = ()
    transparent: np.ndarray | None = None
    if mask is not None and options.include_unrolled:
        strips = unroll(part.pixels, mask, found.type, found.angle_degrees)
    if mask is not None and options.include_clean_stamps:
        transparent = lift(part.pixels, mask)
    stamp = Stamp(
        box=found.box,
        score=found.score,
        type=found.type,
        angle_degrees=found.angle_degrees,
        ink_colour=ink_colour(part.pixels, mask),
        crop_box=part.box,
        vector=vector,
        mask=mask if options.include_masks or options.include_erased_page else None,
        crop=part.pixels.copy() if options.include_crops else None,
        unrolled=strips,
        transparent=transparent,
        ink=None if transparent is None else on_white(transparent),
        text=None if text is None else moved(text, part.box[:2]),
    )
    picture = np.array(reduced(part.pixels)) if keep_picture and part.legible else None
    return AnalyzedStamp(stamp, picture)
