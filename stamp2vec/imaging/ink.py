"""The colour of a stamp's ink, from the pixels that it lies on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stamp2vec.values import InkColour

_SIDE = 32  # rows and columns of pixels that are looked at; more answer no better
_BLOCK = 4  # rows and columns that a coloured pixel is the mean of: JPEG gives thin strokes the hue of their paper
_SOFT = 8.0  # levels added before the logarithm: the noise of near-black pixels has no hue
_LEAST_PIXELS = 3
_PAPER = 0.7  # the quantile of brightness from which on pixels are paper
_AT_ONCE = 64  # crops, whose pixels are in memory together

# Found on rendered pages of training.synth whose inks are known: no real page was used.
_INKED = 0.15  # optical density above which a pixel carries ink
_COLOURED = 0.06  # least difference of density between the channels of a coloured pixel
_SATURATED = 0.25  # the same as a share of its greatest density
_COLOURED_SHARE = 0.33  # of inked pixels; where fewer are coloured, they are not the stamp's
_MAJORITY = 0.5  # of the chroma, least share of one colour of ink: of less, more than one ink lies there
_HUE_OF_ALL = 0.05  # the same as _SATURATED, of all ink together: of less, the hues are the noise of a compression
_BLACK_DENSITY = 0.7  # of the darkest tenth: grey ink stays below

# Upper edges of hues in degrees, and the ink on each side of them. No stamp is yellow: highlighters are.
_HUE_EDGES = (-50.0, 40.0, 100.0, 190.0, 249.0)
_HUE_INKS = (InkColour.VIOLET, InkColour.RED, None, InkColour.GREEN, InkColour.BLUE, InkColour.VIOLET)

# One logarithm for all pixels of a value: there are 256.
_LIGHT = np.log(np.arange(256, dtype=np.float32) + np.float32(_SOFT))


def ink_colour(crop: NDArray[np.uint8], mask: NDArray[np.uint8] | None = None) -> InkColour | None:
    """The colour of the ink on a crop, uint8 (H, W, 3), by its mask where there is one, (H, W); see `ink_colours`."""
    return ink_colours([crop], None if mask is None else [mask])[0]


def ink_colours(
    crops: Sequence[NDArray[np.uint8]], masks: Sequence[NDArray[np.uint8]] | None = None
) -> list[InkColour | None]:
    """The colour of the ink on each crop, uint8 (H, W, 3), as the picture shows it: on a grey scan, black or grey.

    A mask of each crop, uint8 (H, W), is 128 and more where the stamp's own ink is; without it, print and handwriting
    under the stamp have a vote. None where there is too little ink, or ink of several colours. Many crops together take
    little more time than one.

    Optical density against the paper of the crop makes the answer independent of the paper's tint and the light; hue
    is taken from densities, since ink of any thickness keeps their ratios (Beer and Lambert).
    """
    colours: list[InkColour | None] = []
    for first in range(0, len(crops), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        pixels = np.stack([_means(crop) for crop in crops[part]])
        marked = None if masks is None else np.stack([_sampled(mask) for mask in masks[part]]) >= 128
        colours += _colours(np.ascontiguousarray(pixels.transpose(2, 0, 1)), marked)
    return colours


def _means(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The means of as many blocks of pixels as there are in `_sampled`: (H, W, 3) -> (N, 3)."""
    means: NDArray[np.integer] = crop
    for axis in (0, 1):
        length = means.shape[axis]
        first = np.arange(_SIDE) * length // _SIDE
        total = np.zeros((_SIDE, *means.shape[1:]) if axis == 0 else (_SIDE, _SIDE, 3), np.uint16)
        for step in range(_BLOCK):
            total += means.take(np.minimum(first + step, length - 1), axis)
        means = total
    return np.asarray((means // _BLOCK**2).reshape(_SIDE * _SIDE, 3), np.uint8)


def _sampled(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same number of pixels of any mask, (H, W) -> (N,)."""
    rows, columns = (np.arange(_SIDE) * length // _SIDE for length in picture.shape)
    pixels: NDArray[np.uint8] = picture.take(rows, 0).take(columns, 1)
    return pixels.ravel()


def _colours(pixels: NDArray[np.uint8], marked: NDArray[np.bool_] | None) -> list[InkColour | None]:
    """Of K crops: pixels (3, K, N), each channel in one piece, and where the mask of each shows ink, (K, N)."""
    density = np.maximum(_paper(pixels)[..., None] - _LIGHT.take(pixels), 0)
    greatest = _most(density)
    inked = greatest > _INKED
    if marked is not None:
        marked &= inked
        inked = np.where((np.count_nonzero(marked, 1) >= _LEAST_PIXELS)[:, None], marked, inked)
    chroma = _most(greatest - density)
    coloured = inked & (chroma > _COLOURED) & (chroma > _SATURATED * greatest)
    counts, of_them_coloured = np.count_nonzero(inked, 1).tolist(), np.count_nonzero(coloured, 1).tolist()
    votes = _votes(density, chroma, coloured)
    colours: list[InkColour | None] = []
    for number, (count, with_hue) in enumerate(zip(counts, of_them_coloured, strict=True)):
        if count < _LEAST_PIXELS:
            colours.append(None)
        elif with_hue > _COLOURED_SHARE * count and _saturation(density[:, number, inked[number]]) > _HUE_OF_ALL:
            best = max(votes[number], key=votes[number].__getitem__)
            colours.append(best if votes[number][best] > _MAJORITY * sum(votes[number].values()) else None)
        else:
            darkest = np.partition(greatest[number, inked[number]], int(0.9 * (count - 1)))[int(0.9 * (count - 1))]
            colours.append(InkColour.BLACK if darkest > _BLACK_DENSITY else InkColour.GREY)
    return colours


def _paper(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The light of each crop's paper, as _LIGHT has it: the median of its brightest pixels; (3, K, N) -> (3, K)."""
    red, green, blue = pixels
    brightness = red + green.astype(np.int32) + blue
    first = int(_PAPER * brightness.shape[1])
    brightest = np.take_along_axis(pixels, np.argpartition(brightness, first, 1)[None, :, first:], 2)
    middle = brightest.shape[2] // 2
    return np.asarray(_LIGHT[np.partition(brightest, middle, 2)[..., middle]])


def _votes(
    density: NDArray[np.float32], chroma: NDArray[np.float32], coloured: NDArray[np.bool_]
) -> list[dict[InkColour, float]]:
    """How much chroma each colour of ink has among the coloured pixels of each crop: densities (3, K, N)."""
    crop, pixel = np.nonzero(coloured)
    hues = np.digitize(_hue(density[:, crop, pixel]), _HUE_EDGES)
    bins = len(_HUE_INKS)
    sums = np.bincount(crop * bins + hues, chroma[crop, pixel], len(coloured) * bins).reshape(-1, bins)
    votes: list[dict[InkColour, float]] = []
    for row in sums.tolist():
        of_crop: dict[InkColour, float] = {}
        for ink, amount in zip(_HUE_INKS, row, strict=True):
            if ink is not None:
                of_crop[ink] = of_crop.get(ink, 0.0) + amount
        votes.append(of_crop)
    return votes


def _saturation(density: NDArray[np.float32]) -> float:
    """Of the sum of densities (3, N) that are not all 0."""
    total = density.sum(1)
    return float((total.max() - total.min()) / total.max())


def _hue(density: NDArray[np.float32]) -> NDArray[np.float32]:
    """Densities (3, N), of no pixel all alike, to hue in degrees, -60 to 300, (N,).

    What a channel does not absorb is its light.
    """
    red, green, blue = light = _most(density) - density
    most = _most(light)
    is_blue, is_green = blue == most, green == most
    ahead = np.where(is_blue, red - green, np.where(is_green, blue - red, green - blue))
    return np.asarray(np.where(is_blue, 240, np.where(is_green, 120, 0)) + 60 * ahead / most, np.float32)


def _most(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The greatest of three channels, (3, ...) -> (...); numpy's own maximum along so short an axis is slow."""
    return np.asarray(np.maximum(np.maximum(channels[0], channels[1]), channels[2]))
