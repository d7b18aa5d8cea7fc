"""Look-alikes: things on paper that resemble stamps, as hard negatives.

Each drawer takes a `Sheet` and adds one object in place; `UNDER` lies below the stamps, `OVER` below or above them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training.synth.lookalikes.letterheads import arms, coloured_heading, coloured_lines, crest, engraving
from training.synth.lookalikes.objects import coffee_ring, coin, dirt, portrait_photo, postage_stamp, punched_holes
from training.synth.lookalikes.pens import (
    boxed_note,
    fill_in,
    handwriting,
    highlighter,
    pen_marks,
    signature,
    signed_block,
)
from training.synth.lookalikes.prints import (
    barcode,
    bates_number,
    fax_header,
    figures,
    headline,
    logo,
    printed_box,
    qr_code,
    redaction,
    table_heading,
    typed_reference,
)
from training.synth.lookalikes.sheet import Page, Sheet

__all__ = ["OVER", "UNDER", "Page", "Sheet", "fill_in", "postage_stamp", "scatter", "signature"]

Drawer = Callable[[Sheet], None]
UNDER: tuple[tuple[float, Drawer], ...] = (
    (9.0, logo),
    (3.0, crest),
    (5.0, arms),
    (3.5, engraving),
    (4.0, figures),
    (6.0, headline),
    (1.7, coloured_heading),
    (2.5, coloured_lines),
    (2.0, table_heading),
    (3.0, printed_box),
    (4.0, typed_reference),
    (6.0, bates_number),
    (2.0, fax_header),
    (2.5, qr_code),
    (3.0, barcode),
    (2.0, portrait_photo),
    (1.0, redaction),
    (1.0, coin),
    (1.5, postage_stamp),
)
OVER: tuple[tuple[float, Drawer], ...] = (
    (8.0, signature),
    (6.0, handwriting),
    (6.0, boxed_note),
    (5.0, pen_marks),
    (4.0, signed_block),
    (2.5, dirt),
    (4.0, punched_holes),
    (1.5, highlighter),
    (1.0, coffee_ring),
)


def scatter(sheet: Sheet, drawers: tuple[tuple[float, Drawer], ...], count: int) -> None:
    """Add ``count`` objects drawn from a weighted table."""
    weights = np.array([weight for weight, _ in drawers])
    for index in sheet.rng.choice(len(drawers), count, p=weights / weights.sum()):
        drawers[int(index)][1](sheet)
