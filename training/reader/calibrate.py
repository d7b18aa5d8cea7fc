"""How often each engine is right to the letter, by the product of its scores: `python -m training.reader.calibrate`.

Prints points of `engines.reading.confidence`, of drawn lines and stamps in fonts that nothing was trained on.
"""

import argparse
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from stamp2vec import hub
from stamp2vec.engines.onnx import OnnxEngine
from stamp2vec.engines.reading.reader import Attempt, Piece, ReaderEngine
from stamp2vec.imaging import whole
from stamp2vec.reading.canvas import CANVAS_HEIGHT_PX, CANVAS_WIDTH_PX, STRIP_HEIGHT_PX, strip_canvas
from stamp2vec.reading.scripts import plain
from training.reader import stamps
from training.reader.lines import Kind, Line, draw
from training.synth.fonts import Split

SEED = 11
KINDS = (Kind.LATIN, Kind.VIETNAMESE, Kind.CYRILLIC, Kind.HAN, Kind.OTHER, Kind.NONE)
POINTS = 8
Seen = dict[str, list[tuple[float, bool]]]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stamps", type=int, default=200, help="stamps, and half as many lines of each kind")
    parser.add_argument("--model", default="stamp-reader", help="name or folder")
    args = parser.parse_args()
    folder = hub.find(args.model)
    reader = ReaderEngine(OnnxEngine(folder, hub.read_manifest(folder)))
    seen: Seen = defaultdict(list)
    lines = _lines(np.random.default_rng(SEED), args.stamps)
    for line in (line for line in lines if line.pixels.shape[1] <= CANVAS_WIDTH_PX):
        canvas, _ = strip_canvas(whole(np.repeat(line.pixels[..., None], 3, 2)), (CANVAS_HEIGHT_PX, CANVAS_WIDTH_PX))
        for piece, attempts in reader.attempts(canvas[None], [{}]):
            _judge(seen, line, piece, attempts)
    for engine, judged in seen.items():
        print(engine, len(judged), " ".join(f"({product:.2f}, {right:.2f})" for product, right in _curve(judged)))


def _lines(rng: np.random.Generator, count: int) -> Iterator[Line]:
    for number in range(count):
        yield from stamps.lines(rng, Split.TEST)
        if number % 2:
            yield from (draw(rng, kind, Split.TEST) for kind in KINDS)


def _judge(seen: Seen, line: Line, piece: Piece, attempts: Sequence[Attempt]) -> None:
    """Whether each attempt is what stands there; nothing where a letter is cut off, and so perhaps cannot be read."""
    left, _, right, _ = (edge * len(line.pixels) / STRIP_HEIGHT_PX for edge in piece.box)
    there = [letter for letter in line.letters if left < (letter.left + letter.right) / 2 < right]
    if any(letter.cut for letter in there):
        return
    there = [letter for letter in there if letter.upside_down == piece.turned]
    text = plain("".join(letter.character for letter in (there[::-1] if piece.turned else there)))
    for attempt in (attempt for attempt in attempts if attempt.letters.text.strip()):
        seen[attempt.engine].append((math.prod(attempt.letters.scores), plain(attempt.letters.text) == text))


def _curve(judged: Sequence[tuple[float, bool]]) -> Iterator[tuple[float, float]]:
    """Middle product and share of right ones of parts with equally many texts."""
    for part in np.array_split(np.array(sorted(judged), np.float64), POINTS):
        if len(part):
            yield float(np.median(part[:, 0])), float(part[:, 1].mean())


if __name__ == "__main__":
    main()
