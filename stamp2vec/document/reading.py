"""What a stamp says: strips of its ink are read first, and then once more those of the page where digits matter."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stamp2vec.comparison.ink import INK, ink_planes, reduced
from stamp2vec.errors import Stamp2vecError
from stamp2vec.reading.canvas import STRIP_HEIGHT_PX
from stamp2vec.reading.choosing import Found, chosen
from stamp2vec.reading.places import reading_places
from stamp2vec.reading.straightening import straighten
from stamp2vec.reading.summary import ReadLine, has_digits, summary
from stamp2vec.texts import Box, StampText, StripReadings
from stamp2vec.values import Detection

_PAPER = 255
_SOLID = 0.5  # of a strip's ink: more is the ground that letters are left out of
_MARGIN = 0.5  # of the height of a line, of the strip on each side of a part that is read again

Read = Sequence[StripReadings | Stamp2vecError]


class StampReading:
    """One stamp. Have its `strips` read and `learn`; have what that returns read, and make the `text` of it."""

    def __init__(self, crop: NDArray[np.uint8], mask: NDArray[np.uint8], detection: Detection) -> None:
        """`crop` is uint8 (h, w, 3), `mask` its soft ink, uint8 (h, w)."""
        self._angle_degrees = detection.angle_degrees
        small = np.ascontiguousarray(reduced(crop))
        ink = np.ascontiguousarray(ink_planes(crop, mask)[..., INK])  # finer than a mask that was made at 256 pixels
        self._scale = crop.shape[1] / small.shape[1]
        self._places = reading_places(ink, detection.type, detection.angle_degrees)
        self._strips = straighten(small, ink, self._places, STRIP_HEIGHT_PX)
        self._lines: list[Found] = []
        self._again: list[int] = []
        self._warnings: dict[str, None] = {}

    def strips(self) -> list[NDArray[np.uint8]]:
        """Strips of the ink, uint8 (64, w, 3), dark on light: print behind them would ruin those of the page.

        Letters that are left out of solid ink are dark too.
        """
        inks = [strip.ink if strip.ink.mean() <= _SOLID * _PAPER else _PAPER - strip.ink for strip in self._strips]
        return [np.repeat((_PAPER - ink)[..., None], 3, axis=2) for ink in inks]

    def learn(self, read: Read) -> list[NDArray[np.uint8]]:
        """What was read of the strips; returns those that are to be read again, now of the page itself.

        A strip that could not be read raises its error.
        """
        self._lines = chosen(self._places, self._taken(read), STRIP_HEIGHT_PX, self._angle_degrees)
        self._again = [number for number, line in enumerate(self._lines) if has_digits(line.text)]
        return [self._part(self._lines[number]) for number in self._again]

    def text(self, read: Read) -> StampText:
        """What the stamp says, where the strips that `learn` has returned were read so."""
        seconds = dict(zip(self._again, self._taken(read), strict=True))
        lines = [
            ReadLine(line.readings, self._on_crop(line.box), line.arc, _second(line, seconds.get(number)))
            for number, line in enumerate(self._lines)
        ]
        return summary(lines, tuple(self._warnings))

    def _taken(self, read: Read) -> list[StripReadings]:
        taken = []
        for each in read:
            if isinstance(each, Stamp2vecError):
                raise each
            self._warnings |= dict.fromkeys(each.warnings)
            taken.append(each)
        return taken

    def _part(self, line: Found) -> NDArray[np.uint8]:
        """A line's part of its strip, as the page shows it."""
        boxes = np.array([each.box for each in line.readings])
        (left, top), (right, bottom) = boxes[:, :2].min(0).tolist(), boxes[:, 2:].max(0).tolist()
        margin = round(_MARGIN * (bottom - top))
        pixels = self._strips[line.strip].pixels
        return np.ascontiguousarray(pixels[:, max(0, left - margin) : right + margin])

    def _on_crop(self, box: Box) -> Box:
        x1, y1, x2, y2 = (edge * self._scale for edge in box)
        return x1, y1, x2, y2


def _second(line: Found, read: StripReadings | None) -> str | None:
    """The text of a second reading of a line, of what stands the same way up."""
    if read is None:
        return None
    texts = [each.text for each in read.readings if each.text and each.upside_down == line.upside_down]
    return " ".join(texts[::-1] if line.upside_down else texts)
