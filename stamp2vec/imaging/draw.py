"""Show what was found on a page."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_COLOUR = (0, 150, 80)
_TEXT_COLOUR = (255, 255, 255)


def annotate(
    image: NDArray[np.uint8],
    boxes: NDArray[np.floating],
    scores: Sequence[float] | NDArray[np.floating],
    labels: Sequence[str],
) -> NDArray[np.uint8]:
    """Draw boxes (N, 4), x1 y1 x2 y2 in pixels, with a label and a score each, on a copy of a page, uint8 (H, W, 3).

    Lines and letters grow with the page, so that they are seen when it is scaled to a screen.
    """
    picture = Image.fromarray(image).copy()
    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    line = max(2, round(max(width, height) / 400))
    font = ImageFont.load_default(size=max(10, round(max(width, height) / 65)))
    for (x1, y1, x2, y2), score, label in zip(np.asarray(boxes).reshape(-1, 4), scores, labels, strict=True):
        draw.rectangle(
            (x1 - line, y1 - line, x2 + line - 1, y2 + line - 1),
            outline=_COLOUR,
            width=line,
        )
        text = f"{label} {score:.2f}".strip()
        _, _, right, bottom = draw.textbbox((0, 0), text, font=font)
        tag_width, tag_height = right + 2 * line, bottom + 2 * line
        # Above the box, or inside it at the top of the page; never beyond the right edge.
        left = max(0.0, min(float(x1) - line, width - tag_width))
        top = float(y1) - line - tag_height
        top = top if top >= 0 else float(y1)
        draw.rectangle((left, top, left + tag_width, top + tag_height), fill=_COLOUR)
        draw.text((left + line, top + line), text, fill=_TEXT_COLOUR, font=font)
    return np.asarray(picture)
