"""Pictures of an answer, each after its caption."""

from collections.abc import Iterator, Sequence

import numpy as np
from mcp.server.mcpserver import Image
from mcp_types import ImageContent, TextContent

from stamp2vec.display import jpeg
from stamp2vec.strips import Strip
from stamp2vec.values import PageResult, Stamp

Content = TextContent | ImageContent

_CROP_PX, _TEXT_PX, _GAP_PX = 256, 1024, 8


def shown(page: PageResult, number: int, stamp: Stamp) -> Iterator[Content]:
    """The crop of a stamp and its strips, as far as they were asked for."""
    name = f"page {page.index + 1} stamp {number}"
    if stamp.crop is not None:
        yield from captioned(name, stamp.crop, _CROP_PX)
    if stamp.unrolled:
        yield from captioned(f"{name}, text", _stacked(stamp.unrolled), _TEXT_PX)


def _stacked(strips: Sequence[Strip]) -> np.ndarray:
    """One below the other on white, uint8 (H, W, 3)."""
    width = max(strip.pixels.shape[1] for strip in strips)
    rows = [
        np.pad(strip.pixels, ((0, _GAP_PX), (0, width - strip.pixels.shape[1]), (0, 0)), constant_values=255)
        for strip in strips
    ]
    return np.concatenate(rows)


def captioned(caption: str, pixels: np.ndarray, most_px: int) -> Iterator[Content]:
    """Pixels, uint8 (H, W, 3), as a JPEG with sides of at most `most_px`."""
    yield TextContent(type="text", text=caption)
    yield Image(data=jpeg(pixels, most_px), format="jpeg").to_image_content()
