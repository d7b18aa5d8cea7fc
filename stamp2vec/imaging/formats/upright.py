"""Stored pixels to the page that a person sees: on white paper, the right way up, in square pixels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Value = TypeVar("Value", bound=np.generic)

_ROWS = 128  # at a time, so that no step needs a second page in memory
_HALO = 4  # rows that bicubic resampling looks at beyond those it makes; it needs 2
_HIDDEN = 8  # of 255: alpha that leaves nothing to be seen

# Orientation of EXIF 2.32 and TIFF 6.0, 0x0112, of which this is what to do to stored rows: transpose, flip rows,
# flip columns.
_STEPS = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}

ALPHA_IGNORED = (
    "its transparency would hide the whole page and was ignored: if the page looks wrong, save it without transparency"
)


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """A page as stored: `colour` is uint8 (H, W) grey or (H, W, 3) RGB.

    `alpha` is uint8 (H, W), None where all is opaque; where it is `premultiplied`, colours are so already.
    """

    colour: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None = None
    premultiplied: bool = False


def swaps_axes(orientation: int) -> bool:
    """Whether rows as stored are columns of the page."""
    return _STEPS.get(orientation, _STEPS[1])[0]


@dataclass(frozen=True, slots=True)
class Upright:
    """How stored rows become a page: `orientation` is EXIF's, `stored` and `square` are width and height of the rows as
    stored, and in square pixels.
    """

    orientation: int
    stored: tuple[int, int]
    square: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the page."""
        columns, rows = self.square
        return (columns, rows) if swaps_axes(self.orientation) else (rows, columns)

    @property
    def changes_nothing(self) -> bool:
        """Whether pixels of the page are the stored ones, in their order."""
        return self.orientation not in range(2, 9) and self.square == self.stored


def finish(canvas: Canvas, upright: Upright, page: NDArray[np.uint8]) -> tuple[str, ...]:
    """Fills the page, uint8 (H, W, 3), and makes it read-only; warnings. The canvas is overwritten.

    Where nothing changes the colours of the canvas may be the page's own.
    """
    colour, warnings = _on_white(canvas)
    if colour is not page:
        stored = _stored_view(page, upright.orientation)
        for first, band in _square_bands(colour, upright.square):
            into = stored[first : first + len(band)]
            if band.ndim == 3:
                into[...] = band
            else:  # three plain copies are several times faster than one that broadcasts
                for channel in range(3):
                    into[..., channel] = band
    page.flags.writeable = False
    return warnings


def _stored_view(page: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """An upright page (H, W, 3) in its stored order of rows: the same memory."""
    transpose, flip_rows, flip_columns = _STEPS.get(orientation, _STEPS[1])
    flipped = page[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
    return flipped.transpose(1, 0, 2) if transpose else flipped


def upright_view(stored: NDArray[Value], orientation: int) -> NDArray[Value]:
    """Stored rows (h, w) or (h, w, c) as a person sees them: the same memory, so that what is written goes there."""
    transpose, flip_rows, flip_columns = _STEPS.get(orientation, _STEPS[1])
    turned = stored.swapaxes(0, 1) if transpose else stored
    return turned[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]


def _square_bands(colour: NDArray[np.uint8], size: tuple[int, int]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The first row of each band, and its rows in square pixels."""
    height, width = colour.shape[:2]
    columns, rows = size
    for first in range(0, rows, _ROWS):
        end = min(first + _ROWS, rows)
        if (columns, rows) == (width, height):
            yield first, colour[first:end]
            continue
        top, bottom = first * height / rows, end * height / rows
        above, below = max(int(top) - _HALO, 0), min(int(bottom) + 1 + _HALO, height)
        part = Image.fromarray(colour[above:below])
        # `box` says which part is wanted; what lies around it still counts at its edges, so bands have no seams.
        box = (0, top - above, width, min(bottom - above, below - above))
        yield first, np.asarray(part.resize((columns, end - first), Image.Resampling.BICUBIC, box))


def _shows_something(colour: NDArray[np.uint8]) -> bool:
    bands = (colour[first : first + _ROWS] for first in range(0, len(colour), _ROWS))
    return any(bool((band != colour[0, 0]).any()) for band in bands)


def _on_white(canvas: Canvas) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    colour, alpha = canvas.colour, canvas.alpha
    if alpha is None:
        return colour, ()
    if hides_all(int(alpha.max())) and _shows_something(colour):
        # Scanners write 32 bits a pixel whose last 8 are 0. No one sends a page on which there is nothing to be seen.
        return colour, (ALPHA_IGNORED,)
    for first in range(0, len(colour), _ROWS):
        rows = slice(first, first + _ROWS)
        colour[rows] = over_white(colour[rows], alpha[rows], premultiplied=canvas.premultiplied)
    return colour, ()


def hides_all(greatest_alpha: int) -> bool:
    """Whether transparency leaves nothing to be seen."""
    return greatest_alpha <= _HIDDEN


def over_white(
    colour: NDArray[np.uint8], alpha: NDArray[np.uint8], *, premultiplied: bool = False
) -> NDArray[np.uint8]:
    """Colours (h, w) or (h, w, 3) as they look on white paper, rounded to the nearest level as Pillow does."""
    part = colour.astype(np.uint16)
    opacity = alpha.astype(np.uint16)
    opacity = opacity[..., None] if part.ndim == 3 else opacity
    weighted = part * 255 if premultiplied else part * opacity
    seen: NDArray[np.uint8] = np.minimum((weighted + (255 - opacity) * 255 + 127) // 255, 255).astype(np.uint8)
    return seen
