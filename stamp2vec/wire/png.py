"""Pictures that a message holds as PNG files."""

import io
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.errors import InvalidImage
from stamp2vec.limits import MAX_PAGE_PIXELS


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """uint8 (h, w), (h, w, 3) or (h, w, 4) as the bytes of a PNG file, compressed little and fast."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def decode_png(data: bytes, mode: Literal["L", "RGB", "RGBA"]) -> NDArray[np.uint8]:
    """The pixels of such a file, of any size: uint8 (h, w) for L, else (h, w, 3 or 4).

    InvalidImage for another file, and for one of more than 80 million pixels.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            if picture.width * picture.height > MAX_PAGE_PIXELS:
                raise InvalidImage(f"the picture has more than {MAX_PAGE_PIXELS:,} pixels: ask for fewer stamps")
            return np.asarray(picture if picture.mode == mode else picture.convert(mode))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidImage(
            f"the answer holds a picture that is no PNG file ({error}): ask the gateway again"
        ) from error
