"""Trains stamp-script on drawn lines: `python -m training.reader.train --work DIR --minutes 20`."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import IterableDataset, get_worker_info

from stamp2vec.models.stamp_script import StampScript
from stamp2vec.reading.canvas import CANVAS_HEIGHT_PX, CANVAS_WIDTH_PX, classifier_input
from stamp2vec.texts import Writing
from stamp2vec.values import Preset, Task
from training.reader.lines import Kind, Line, draw
from training.run import Draft, Run, parser
from training.synth.fonts import Split

WIDTH = 24
WIDTHS_PX = (96, 160, 256)
_KNOWN_LINES = 8000  # that are seen again: to draw one takes longer than to learn from it
HELD_OUT = 250  # lines of each writing
WRITINGS = tuple(Writing)
KINDS = tuple(Kind)
READABLE = (Writing.ALPHABET, Writing.HAN, Writing.ARABIC)


class Batches(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Endless batches of lines, all of one width, with their writing and whether they stand on their head."""

    def __init__(self, batch: int, seed: int) -> None:
        self.batch, self.seed = batch, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """uint8 (N, 32, W, 3); int64 (N,), places in WRITINGS; float (N,), 0 or 1.

        A fourth of the lines is new, the others are seen again, another part of them or the other way up.
        """
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, 0 if worker is None else worker.id])
        known = [draw(rng, kind, Split.TRAIN) for kind in KINDS]
        while True:
            known += [draw(rng, KINDS[int(n)], Split.TRAIN) for n in rng.integers(len(KINDS), size=self.batch // 4)]
            known = known[-_KNOWN_LINES:]
            lines = [known[int(place)] for place in rng.integers(len(known), size=self.batch)]
            turns = rng.random(self.batch) < 0.5
            width = WIDTHS_PX[int(rng.integers(len(WIDTHS_PX)))]
            pixels = [_part(rng, line, width, bool(turn)) for line, turn in zip(lines, turns, strict=True)]
            writings = [WRITINGS.index(line.kind.writing) for line in lines]
            turned = [float(line.upside_down != turn) for line, turn in zip(lines, turns, strict=True)]
            yield torch.from_numpy(np.stack(pixels)), torch.tensor(writings), torch.tensor(turned)


def _part(rng: np.random.Generator, line: Line, width: int, turn: bool) -> np.ndarray:
    """A line, or a part of it, of a width, turned by half a turn or not; paper beside it where it is shorter."""
    top, foot = rng.integers(0, 9, 2)  # as the detector of text cuts it, closer or less close
    pixels = line.pixels[top : len(line.pixels) - foot]
    scaled = classifier_input(pixels[::-1, ::-1] if turn else pixels)
    if scaled.shape[1] > width:
        start = int(rng.integers(scaled.shape[1] - width + 1))
        return scaled[:, start : start + width]
    return np.pad(scaled, ((0, 0), (0, width - scaled.shape[1]), (0, 0)), mode="edge")


def script_loss(logits: Tensor, writings: Tensor, turned: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of the writing, (N, 6) against (N,), and of the way up, where there is text that is read."""
    script = F.cross_entropy(logits[:, : len(WRITINGS)], writings, label_smoothing=0.02)
    known = writings < len(READABLE)
    way = F.binary_cross_entropy_with_logits(logits[known, -1], turned[known])
    return script + way, {"script": script.item(), "way": way.item()}


def main() -> None:
    """Train, score on held-out fonts and words, write weights and manifest."""
    args = parser(__doc__ or "").parse_args()
    torch.manual_seed(args.seed)
    run = Run(StampScript(WIDTH), args)
    for pixels, writings, turned in run.batches(Batches(args.batch, args.seed + run.steps)):
        with run.autocast():
            logits = run.model(pixels.to(run.device))
        run.step(*script_loss(logits.float(), writings.to(run.device), turned.to(run.device)))
    draft = Draft(
        name="stamp-reader",
        version="1.0.0",
        task=Task.READ,
        architecture="stamp-script",
        config={"width": WIDTH},
        presets=(Preset.FAST, Preset.ACCURATE),
        input_height=CANVAS_HEIGHT_PX,
        input_width=CANVAS_WIDTH_PX,
    )
    run.export(draft, score(run))


def score(run: Run[StampScript]) -> dict[str, float]:
    """The share of held-out lines whose writing, and whose way up, is found."""
    rng = np.random.default_rng(7)
    figures = {}
    upright = total = 0
    for kind in KINDS:
        right = 0
        for _ in range(HELD_OUT):
            line = draw(rng, kind, Split.TEST)
            with torch.inference_mode():
                logits = run.average(torch.from_numpy(classifier_input(line.pixels))[None].to(run.device))[0]
            right += WRITINGS[int(logits[: len(WRITINGS)].argmax())] is kind.writing
            if kind.writing in READABLE:
                upright, total = upright + ((logits[-1] > 0).item() == line.upside_down), total + 1
        figures[f"{kind.value}_recall"] = right / HELD_OUT
    return {**figures, "way_up": upright / total}


if __name__ == "__main__":
    main()
