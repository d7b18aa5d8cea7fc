"""PP-OCRv6 by onnxruntime: where text is on a strip, and what it says.

The networks are files of the wheel of rapidocr, which is never imported: on a strip, where text has one direction, the
boxes need no polygons, and so neither OpenCV nor options that stay from one call to the next.
"""

import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.engines.onnx import session
from stamp2vec.engines.reading.letters import Letters
from stamp2vec.errors import WeightsError
from stamp2vec.texts import Writing

_DETECTOR, _RECOGNISER = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
_SHA256 = {
    _DETECTOR: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    _RECOGNISER: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
}

_PAPER = 255
_DETECTOR_PX = 64  # rows of its input: more cost far more time and find no more
_DETECTOR_BORDER = 0.15  # of a strip's height, of paper around it: text at an edge is not found
_DETECTOR_STEP_PX = 32  # sides are multiples of it
_TEXT = 0.3  # probability from which a pixel belongs to text
_SURE_TEXT = 0.5  # that the middle of some letter reaches
_GROWTH = 0.55  # of the height of what is found, on each side: the network finds the core of a line
_LEAST_SIDE = 0.3  # of a strip's height: shorter pieces are dots
_LINE_PX = 48
_NARROWEST_PX = 16

# What is read of each script: first and last characters. Stars, arrows and emoji are classes of the network as well.
_SIGNS = (("!", "~"), ("«", "«"), ("»", "»"), ("·", "·"), ("–", "—"), ("‘", "„"), ("№", "№"))
_LATIN = (*_SIGNS, ("À", "ɏ"), ("Ḁ", "ỿ"), ("Α", "ω"))  # a text with Greek letters is known as none of Latin
_HAN = (
    *_SIGNS,
    ("一", "\u9fff"),
    ("㐀", "\u4dbf"),
    ("ぁ", "ヿ"),
    ("、", "」"),
    ("（", "）"),
    ("０", "９"),
    ("：", "："),
)
_ALPHABETS: Mapping[Writing, tuple[tuple[str, str], ...]] = {
    Writing.ALPHABET: _LATIN,
    Writing.HAN: _HAN,
}

Grey = NDArray[np.uint8]
Box = tuple[int, int, int, int]


class PpOcr:
    """Both networks, loaded. Pictures are uint8 (h, w), dark text on light paper."""

    name = "pp-ocrv6"

    def __init__(self) -> None:
        """WeightsError where the wheel has other files; ImportError where it is not installed."""
        self._detector, self._recogniser = (session(_checked(name)) for name in (_DETECTOR, _RECOGNISER))
        characters = self._recogniser.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._characters = np.array(["", *characters, " "])  # class 0 is CTC's blank
        self._alphabets = {
            writing: np.array([True, *(_belongs(character, ranges) for character in characters), True])
            for writing, ranges in _ALPHABETS.items()
        }

    def find(self, strip: Grey) -> list[Box]:
        """The pieces of text on a strip from left to right, x1, y1, x2, y2 in its pixels."""
        height, width = strip.shape
        border = round(_DETECTOR_BORDER * height)
        framed = np.pad(strip, border, constant_values=_PAPER)
        steps = max(1, round(framed.shape[1] * _DETECTOR_PX / framed.shape[0] / _DETECTOR_STEP_PX))
        pixels = _resized(framed, _DETECTOR_PX, steps * _DETECTOR_STEP_PX)
        (found,) = self._detector.run(None, {"x": _batch(pixels)})
        x_scale, y_scale = framed.shape[1] / pixels.shape[1], framed.shape[0] / pixels.shape[0]
        return [
            (
                max(0, int(x1 * x_scale) - border),
                max(0, int(y1 * y_scale) - border),
                min(width, int(np.ceil(x2 * x_scale)) - border),
                min(height, int(np.ceil(y2 * y_scale)) - border),
            )
            for x1, y1, x2, y2 in _pieces(found[0, 0])
            if (x2 - x1) * x_scale >= _LEAST_SIDE * height
        ]

    def read(self, line: Grey, writing: Writing) -> Letters:
        """A line in letters of its own script, and at its own width: padding would change what is read of worn ones."""
        width = max(_NARROWEST_PX, round(line.shape[1] * _LINE_PX / line.shape[0]))
        (output,) = self._recogniser.run(None, {"x": _batch(_resized(line, _LINE_PX, width))})
        steps = output[0] * self._alphabets[writing]
        classes = steps.argmax(1)
        scores = steps[np.arange(len(classes)), classes]
        starts = (classes != 0) & (classes != np.concatenate([[0], classes[:-1]]))  # CTC: a run of one class is one
        return Letters("".join(self._characters[classes[starts]]), tuple(scores[starts].tolist()))


def _checked(name: str) -> Path:
    """The path of a file of rapidocr that is the one that all was measured with."""
    package = importlib.util.find_spec("rapidocr")
    if package is None or package.origin is None:
        raise ImportError("No module named 'rapidocr'", name="rapidocr")
    path = Path(package.origin).parent / "models" / name
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != _SHA256[name]:
        raise WeightsError(
            f"{path} is not the file of rapidocr 3.10.0: pip install 'stamp2vec[read]' -c constraints.txt"
        )
    return path


def _belongs(character: str, ranges: Iterable[tuple[str, str]]) -> bool:
    return len(character) == 1 and any(first <= character <= last for first, last in ranges)


def _pieces(text: NDArray[np.float32]) -> list[tuple[float, float, float, float]]:
    """Probabilities of text, (h, w) -> its pieces: runs of columns with text, and the rows that each takes."""
    edges = np.flatnonzero(np.diff((text > _TEXT).any(0), prepend=False, append=False))
    pieces = []
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        part = text[:, first:end]
        if part.max() < _SURE_TEXT:
            continue
        rows = np.flatnonzero((part > _TEXT).any(1))
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        grow = _GROWTH * (bottom - top)
        pieces.append((max(0.0, first - grow), max(0.0, top - grow), end + grow, min(text.shape[0], bottom + grow)))
    return pieces


def _resized(picture: Grey, height: int, width: int) -> Grey:
    if picture.shape == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))


def _batch(picture: Grey) -> NDArray[np.float32]:
    """uint8 (h, w) -> float32 (1, 3, h, w) from -1 to 1, the scale of both networks."""
    scaled = picture.astype(np.float32) / np.float32(127.5) - np.float32(1)
    return np.ascontiguousarray(np.broadcast_to(scaled, (1, 3, *scaled.shape)))
