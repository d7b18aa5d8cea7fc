"""The recogniser of PP-OCRv6 by onnxruntime.

The network is a file of the wheel of rapidocr, which is never imported: it needs neither OpenCV nor options that stay
from one call to the next.
"""

import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.engines.onnx import session
from stamp2vec.engines.reading.letters import Letters, as_number
from stamp2vec.errors import WeightsError
from stamp2vec.texts import Writing

_FILE = "PP-OCRv6_rec_small.onnx"
_SHA256 = "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884"

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


class PpOcr:
    """The network, loaded. Pictures are uint8 (h, w), dark text on light paper."""

    name = "pp-ocrv6"

    def __init__(self) -> None:
        """WeightsError where the wheel has other files; ImportError where it is not installed."""
        self._recogniser = session(_checked())
        characters = self._recogniser.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._characters = np.array(["", *characters, " "])  # class 0 is CTC's blank
        self._alphabets = {
            writing: np.array([True, *(_belongs(character, ranges) for character in characters), True])
            for writing, ranges in _ALPHABETS.items()
        }

    def read(self, line: Grey, writing: Writing) -> Letters:
        """A line in letters of its own script, and at its own width: padding would change what is read of worn ones."""
        width = max(_NARROWEST_PX, round(line.shape[1] * _LINE_PX / line.shape[0]))
        (output,) = self._recogniser.run(None, {"x": _batch(_resized(line, _LINE_PX, width))})
        steps = output[0] * self._alphabets[writing]
        classes = steps.argmax(1)
        scores = steps[np.arange(len(classes)), classes]
        starts = (classes != 0) & (classes != np.concatenate([[0], classes[:-1]]))  # CTC: a run of one class is one
        return as_number(Letters("".join(self._characters[classes[starts]]), tuple(scores[starts].tolist())))


def _checked() -> Path:
    """The path of the file of rapidocr that is the one that all was measured with."""
    package = importlib.util.find_spec("rapidocr")
    if package is None or package.origin is None:
        raise ImportError("No module named 'rapidocr'", name="rapidocr")
    path = Path(package.origin).parent / "models" / _FILE
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != _SHA256:
        raise WeightsError(
            f"{path} is not the file of rapidocr 3.10.0: pip install 'stamp2vec[read]' -c constraints.txt"
        )
    return path


def _belongs(character: str, ranges: Iterable[tuple[str, str]]) -> bool:
    return len(character) == 1 and any(first <= character <= last for first, last in ranges)


def _resized(picture: Grey, height: int, width: int) -> Grey:
    if picture.shape == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))


def _batch(picture: Grey) -> NDArray[np.float32]:
    """uint8 (h, w) -> float32 (1, 3, h, w) from -1 to 1, the scale of both networks."""
    scaled = picture.astype(np.float32) / np.float32(127.5) - np.float32(1)
    return np.ascontiguousarray(np.broadcast_to(scaled, (1, 3, *scaled.shape)))
