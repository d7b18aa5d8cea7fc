"""A page as models are to see it: dark on light, and with a word of warning where there is nothing to be seen."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stamp2vec.imaging.formats import Page

# Found on 300 rendered pages of training.synth: 263 of their negatives are told, none of the pages, and none of 100 on
# dark tables.
_LOOKED_AT = 192  # rows or columns of pixels, at most twice as many
_BLOCK = 4  # of these pixels a side: strokes are thinner, and paper is wider
_DARK, _MOSTLY = 100, 0.6
_LIGHT, _THIN = 150, 0.7  # of light pixels, the share in blocks that are light: of more, it is paper and not print

_SEEN = 24  # levels by which a pixel that is seen differs from the rest of its page
_LEAST_SEEN = 50  # pixels
_LEAST_DPI = 50.0

NEGATIVE = "the page is light on dark: it was looked at as its negative, which crops show"
UNIFORM = "nothing can be seen on this page, which is of one brightness: if it is not blank, send it with more contrast"
COARSE = "the page has {dpi:.0f} pixels an inch, in which stamps can hardly be seen: send at least 100"


def prepared(page: Page) -> Page:
    """A page with its pixels dark on light, a copy of them where they are not, and with what is to be warned of."""
    levels = _levels(page.image, max(1, max(page.image.shape[:2]) // _LOOKED_AT))
    warnings = list(page.info.warnings)
    if _is_uniform(levels) and _is_uniform(_levels(page.image, 1)):
        warnings.append(UNIFORM)
    elif _is_negative(levels):
        warnings.append(NEGATIVE)
        page = replace(page, image=negative(page.image), is_negative=True)
    resolution = page.info.resolution
    if resolution is not None and (dpi := max(resolution.x, resolution.y)) < _LEAST_DPI:
        warnings.append(COARSE.format(dpi=dpi))
    return replace(page, info=replace(page.info, warnings=tuple(warnings)))


def negative(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Of a picture, uint8 of any shape; read-only."""
    turned = 255 - image
    turned.flags.writeable = False
    return turned


def _levels(image: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """How light every so many-th pixel of a page is, uint8 (h, w)."""
    red, green, blue = np.moveaxis(image[::step, ::step], 2, 0)
    return np.asarray(red // 4 + green // 2 + blue // 4)


def _is_uniform(levels: NDArray[np.uint8]) -> bool:
    usual = int(np.bincount(levels.ravel()).argmax())
    return bool(np.count_nonzero((levels < usual - _SEEN) | (levels > usual + _SEEN)) < _LEAST_SEEN)


def _is_negative(levels: NDArray[np.uint8]) -> bool:
    if np.count_nonzero(levels < _DARK) <= _MOSTLY * levels.size:
        return False
    height, width = (length // _BLOCK * _BLOCK for length in levels.shape)
    blocks = levels[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).mean((1, 3))
    return bool(np.count_nonzero(blocks > _LIGHT) * _BLOCK**2 < _THIN * np.count_nonzero(levels > _LIGHT))
