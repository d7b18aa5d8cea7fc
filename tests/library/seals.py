"""Impressions of a round seal with a name on it, drawn here: what a comparison of ink is tested with."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stamp2vec.comparison import Inked

SIDE = 320
BLUE = (30, 60, 180)


def drawn(name: str, side: int = SIDE, *, blot: bool = False) -> Image.Image:
    """The die as a grey picture, 255 is ink; `blot` leaves its upper part without."""
    image = Image.new("L", (2 * side, 2 * side), 0)
    draw = ImageDraw.Draw(image)
    unit = side / 256
    for radius in (200 * unit, 150 * unit):
        edges = (side - radius, side - radius, side + radius, side + radius)
        draw.ellipse(edges, outline=255, width=round(8 * unit))
    place, font = (side, side - 60 * unit), ImageFont.load_default(32 * unit)
    draw.text(place, "REGISTERED", fill=255, anchor="mm", font=font)
    draw.text((side, side + 20 * unit), name, fill=255, anchor="mm", font=ImageFont.load_default(76 * unit))
    if blot:
        draw.rectangle((0, 0, 2 * side, side - 90 * unit), fill=0)
    return image


def ink(
    name: str,
    turn: float = 0.0,
    scale: float = 1.0,
    shift: int = 0,
    *,
    side: int = SIDE,
    blot: bool = False,
    mirrored: bool = False,
    bent: float = 0.0,
) -> np.ndarray:
    """An impression, uint8 (side, side), 255 is ink.

    `turn` is in degrees counter-clockwise, `shift` in pixels to the right; `bent` moves the edges so many pixels up.
    """
    image = drawn(name, side, blot=blot).rotate(turn, Image.Resampling.BICUBIC)
    if mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    length = round(side * scale)
    paper = Image.new("L", (side, side), 0)
    paper.paste(
        image.resize((length, length), Image.Resampling.BOX), ((side - length) // 2 + shift, (side - length) // 2)
    )
    if not bent:
        return np.asarray(paper)
    pixels = np.asarray(paper).astype(np.float32)
    row, column = np.mgrid[:side, :side].astype(np.float32)
    row = np.clip(row + bent * (2 * column / side - 1) ** 2, 0, side - 1.001)
    top = row.astype(int)
    share = row - top
    columns = column.astype(int)
    return np.asarray(pixels[top, columns] * (1 - share) + pixels[top + 1, columns] * share, np.uint8)


def coloured(mask: np.ndarray, colour: tuple[int, int, int] = BLUE) -> np.ndarray:
    """White paper with ink of a colour where the mask, uint8 (H, W), has some: uint8 (H, W, 3)."""
    return np.asarray(np.rint(255 - mask[..., None] / 255 * (255 - np.array(colour))), np.uint8)


def seal(name: str, turn: float = 0.0, scale: float = 1.0, shift: int = 0, **options: object) -> Inked:
    """An impression in blue as a comparison sees it; options are those of `ink`."""
    mask = ink(name, turn, scale, shift, **options)  # type: ignore[arg-type]
    return Inked.of(coloured(mask), mask)
