"""A picture of the pairs that a pair network judges worst: what it saw, and what it said of each place."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from stamp2vec.comparison import LaidPair
from stamp2vec.comparison.evidence import AGREES, CONTRADICTS
from stamp2vec.comparison.frames import SIDE_PX
from stamp2vec.comparison.ink import INK
from stamp2vec.pipelines import VerificationPipeline
from stamp2vec.values import Verdict
from training.evaluate.montage import PAPER, Tile, sheet
from training.evaluate.questions import Questions

MOST = 12
COLUMNS = 2
PANEL = 252
GAP = 4


def picture(
    questions: Questions, verifier: VerificationPipeline, probability: np.ndarray, verdicts: Sequence[Verdict]
) -> Image.Image:
    """The worst pairs of one die, DIFFERENT and then the least probable, and of two, SAME and then the most probable.

    A row has both impressions, the one over the other, blue ink of the first alone and orange of the second, and the
    places: green agrees, red contradicts. Probabilities float (N,) and verdicts (N,) are of all pairs.
    """
    said = np.array([verdict.value for verdict in verdicts])
    parted = np.lexsort((probability, said != Verdict.DIFFERENT.value))
    joined = np.lexsort((-probability, said != Verdict.SAME.value))
    sections = []
    for title, order in (
        ("One die, taken for two", parted[questions.same[parted]]),
        ("Two dies, taken for one", joined[~questions.same[joined]]),
    ):
        tiles = []
        for number in order[:MOST].tolist():
            laid = questions.laid(number)
            (places,) = verifier([laid])
            lines = (f"{verdicts[number].value}, {probability[number]:.3f}", questions.names[number])
            tiles.append(Tile(panels(laid, places), lines))
        sections.append((f"{title}: the worst {len(tiles)} of {len(order)}", tiles))
    return sheet(sections, (4 * PANEL + GAP, PANEL), COLUMNS)


def panels(laid: LaidPair, places: np.ndarray) -> Image.Image:
    """Four squares in a row: the planes of each, the ink of both, and what `places`, uint8 (S / 4, S / 4, 2), says."""
    first, second = 255 - laid.picture[:SIDE_PX], 255 - laid.picture[SIDE_PX:]
    a, b = first[..., INK], second[..., INK]
    ink = np.dstack([a, a // 2 + b // 2, b])
    agrees, contradicts = places[..., AGREES], places[..., CONTRADICTS]
    said = np.dstack([255 - agrees, 255 - contradicts, 255 - np.maximum(agrees, contradicts)])
    row = Image.new("RGB", (4 * PANEL, PANEL), PAPER)
    for number, pixels in enumerate((first, second, ink, said)):
        square = Image.fromarray(np.ascontiguousarray(pixels)).resize((PANEL - GAP, PANEL - GAP))
        row.paste(square, (number * PANEL, 0))
    return row
