"""Two impressions laid over each other, as a picture."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from stamp2vec.values import Overlay

BOTH, MISSING, ADDED = (60, 60, 60), (0, 90, 220), (240, 120, 0)
AGREES, CONTRADICTS = (150, 235, 170), (255, 120, 120)


def overlaid(overlay: "Overlay") -> NDArray[np.uint8]:
    """uint8 (H, W, 3): ink in the colour of the impression that has it, or of both, on paper that shows evidence."""
    size = overlay.a_ink.shape[::-1]
    paper = np.full((*overlay.a_ink.shape, 3), 255, np.float32)
    for places, colour in ((overlay.agrees, AGREES), (overlay.contradicts, CONTRADICTS)):
        sure = np.asarray(Image.fromarray(places).resize(size, Image.Resampling.BILINEAR), np.float32)[..., None] / 255
        paper += sure * (np.array(colour, np.float32) - paper)
    a, b = (ink.astype(np.float32)[..., None] / 255 for ink in (overlay.a_ink, overlay.b_ink))
    both = np.minimum(a, b)
    shares = ((both, BOTH), (a - both, MISSING), (b - both, ADDED))
    absorbed = np.sum([share * (255 - np.array(colour, np.float32)) for share, colour in shares], axis=0)
    return np.asarray(np.rint(paper * (1 - np.clip(absorbed, 0, 255) / 255)), np.uint8)
