"""Trains stamp-text on drawn lines and stamps: `python -m training.reader.train --work DIR --minutes 60`."""

from collections.abc import Iterator
from itertools import count

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import IterableDataset, get_worker_info

from stamp2vec.engines.reading.transcript import spans
from stamp2vec.models.stamp_text import StampText
from stamp2vec.reading.alphabet import BLANK
from stamp2vec.reading.canvas import CANVAS_HEIGHT_PX, CANVAS_WIDTH_PX
from stamp2vec.texts import Writing
from stamp2vec.values import Preset, Task
from training.evaluate.texts import likeness
from training.reader import stamps
from training.reader.examples import UNKNOWN, example, whole
from training.reader.lines import Kind, Line, draw
from training.run import Draft, Run, parser
from training.synth.fonts import Split

WIDTH = 24
WIDTHS_PX = (120, 200, 320)
KINDS = {
    Kind.LATIN: 0.26,
    Kind.VIETNAMESE: 0.24,
    Kind.CYRILLIC: 0.26,
    Kind.HAN: 0.08,
    Kind.ARABIC: 0.04,
    Kind.OTHER: 0.08,
    Kind.NONE: 0.04,
}
_KNOWN = 5000  # lines, and as many strips of stamps, that are seen again: drawing takes longer than learning
ALPHABETS = (Kind.LATIN, Kind.VIETNAMESE, Kind.CYRILLIC)
HELD_OUT = 150  # lines of each kind
_FIRST = 40  # lines of each kind, and stamps, that it begins with
_NEW_LINES = 3  # a batch
_STAMP_EVERY = 4  # batches
_OF_STAMPS = 0.6  # share of their strips among the examples,
_STAMPS_FROM = 1500  # and the batch from which they are so many
_TURNED = 0.2  # of the examples, of which most stand on their head and so say nothing
_CTC, _CTC_FROM = 0.3, 0.35  # its weight, and the part of the training after which it counts: columns teach faster

Batch = tuple[Tensor, Tensor, Tensor, Tensor]


class Batches(IterableDataset[Batch]):
    """Endless batches of examples, all of one width."""

    def __init__(self, batch: int, seed: int) -> None:
        self.batch, self.seed = batch, seed

    def __iter__(self) -> Iterator[Batch]:
        """uint8 (N, 40, W, 1); int64 (N, W / 4); int64 texts, end to end; int64 (N,) their lengths, 0 for none."""
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, 0 if worker is None else worker.id])
        kinds, shares = list(KINDS), list(KINDS.values())
        lines = [draw(rng, kind, Split.TRAIN) for kind in kinds for _ in range(_FIRST)]
        strips = [strip for _ in range(_FIRST) for strip in stamps.lines(rng, Split.TRAIN)]
        for number in count():
            chosen = rng.choice(len(kinds), size=_NEW_LINES, p=shares)
            lines = [*lines, *(draw(rng, kinds[int(kind)], Split.TRAIN) for kind in chosen)][-_KNOWN:]
            if number % _STAMP_EVERY == 0:
                strips = [*strips, *stamps.lines(rng, Split.TRAIN)][-_KNOWN:]
            of_stamps = _OF_STAMPS * min(1.0, 0.4 + number / _STAMPS_FROM)
            width = WIDTHS_PX[int(rng.integers(len(WIDTHS_PX)))]
            examples = []
            for _ in range(self.batch):
                known = strips if rng.random() < of_stamps else lines
                line = known[int(rng.integers(len(known)))]
                is_inward = sum(letter.upside_down for letter in line.letters) > 0.5 * len(line.letters)
                turn = rng.random() < (1 - _TURNED if is_inward and line.letters else _TURNED)
                examples.append(example(rng, line.turned() if turn else line, width))
            texts = [one.text or () for one in examples]
            yield (
                torch.from_numpy(np.stack([one.pixels for one in examples])[..., None]),
                torch.from_numpy(np.stack([one.columns for one in examples])),
                torch.tensor([kind for text in texts for kind in text], dtype=torch.int64),
                torch.tensor([len(text) for text in texts]),
            )


def text_loss(logits: Tensor, batch: Batch, progress: float) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of the columns, and CTC of the texts (Graves et al. 2006) where there are any."""
    _, columns, texts, lengths = batch
    column = F.cross_entropy(logits.flatten(0, 1), columns.flatten(), ignore_index=UNKNOWN, label_smoothing=0.01)
    said = lengths > 0
    steps = torch.full((int(said.sum()),), logits.shape[1])
    log = logits[said].log_softmax(2).transpose(0, 1)
    ctc = F.ctc_loss(log, texts, steps, lengths[said], BLANK, zero_infinity=True)
    return column + _CTC * (progress > _CTC_FROM) * ctc, {"column": column.item(), "ctc": ctc.item()}


def main() -> None:
    """Train, score on held-out fonts, write weights and manifest."""
    args = parser(__doc__ or "").parse_args()
    torch.manual_seed(args.seed)
    run = Run(StampText(WIDTH), args)
    for batch in run.batches(Batches(args.batch, args.seed + run.steps)):
        with run.autocast():
            logits = run.model(batch[0].to(run.device))
        run.step(*text_loss(logits.float(), batch, run.progress))
    draft = Draft(
        name="stamp-reader",
        version="2.1.0",
        task=Task.READ,
        architecture="stamp-text",
        config={"width": WIDTH},
        presets=(Preset.FAST, Preset.ACCURATE),
        input_height=CANVAS_HEIGHT_PX,
        input_width=CANVAS_WIDTH_PX,
    )
    run.export(draft, score(run))


def score(run: Run[StampText]) -> dict[str, float]:
    """Of held-out lines, up to 40 % of their ink missing: how like what is read is to the text, and whose way is found.

    Of lines in other writings the share that is told to be one.
    """
    rng = np.random.default_rng(7)
    figures = {}
    ways = []
    for kind in KINDS:
        found = []
        for _ in range(HELD_OUT):
            line = draw(rng, kind, Split.TEST)
            if any(letter.cut for letter in line.letters):
                continue
            upright, turned = (spans(_logits(run, each)) for each in (line, line.turned()))
            text = "".join(letter.character for letter in line.letters)
            if kind in ALPHABETS:
                ways.append(sum(span.weight for span in upright) > sum(span.weight for span in turned))
                found.append(likeness(" ".join(span.letters.text for span in upright), text))
            else:
                found.append(all(span.writing is not Writing.ALPHABET for span in upright))
        figures[kind.value] = float(np.mean(found))
    return {**figures, "way_up": float(np.mean(ways))}


def _logits(run: Run[StampText], line: Line) -> np.ndarray:
    with torch.inference_mode():
        return np.asarray(run.average(torch.from_numpy(whole(line))[None, ..., None].to(run.device))[0].float().cpu())


if __name__ == "__main__":
    main()
