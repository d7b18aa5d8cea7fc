"""What comparing the ink of two stamps costs: `python -m bench.look`.

CPU time of one core for a pair of the sample page's stamps, by part, beside that of embedding a crop, which is what
comparing vectors costs; the median over all pairs. Parts of one pair run one after the other, pairs in turn.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import TypeVar

import torch

from stamp2vec.comparison import Inked, judge_ink, lay
from stamp2vec.document import calibration_of
from stamp2vec.pipelines import ComparisonPipeline, DocumentPipeline
from stamp2vec.values import Preset

SAMPLE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"

R = TypeVar("R")


def main() -> None:
    """Print the table."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--rounds", type=int, default=3, help="how often each pair is compared")
    args = flags.parse_args()
    torch.set_num_threads(1)
    result = DocumentPipeline.from_preset()(SAMPLE.read_bytes(), include_vectors=False, include_crops=True)
    crops = [stamp.crop for page in result.pages for stamp in page.stamps if stamp.crop is not None]
    pipelines = {preset: ComparisonPipeline.from_preset(preset) for preset in Preset}
    comparing = pipelines[Preset.FAST]
    calibration = calibration_of(comparing.verifier.manifest.info)
    spent: dict[str, list[float]] = {}

    def timed(part: str, work: Callable[[], R]) -> R:
        began = time.process_time()
        done = work()
        spent.setdefault(part, []).append(1000 * (time.process_time() - began))
        return done

    for round_number in range(args.rounds + 1):
        if round_number == 1:  # what was loaded and planned in the first is not paid again
            spent.clear()
        for a, b in combinations(crops, 2):
            for preset, pipeline in pipelines.items():
                timed(f"embedding two crops, {preset}", partial(list, pipeline.embedder.run([a, b])))
            masks = timed("segmenting two crops", partial(comparing.segmenter, [a, b]))
            began = sum(map(sum, spent.values()))
            inked: list[Inked] = timed("separating inks", partial(list, map(Inked.of, [a, b], masks)))
            pair = timed("laying over each other", partial(lay, *inked))
            (places,) = timed("pair network", partial(comparing.verifier, [pair]))
            timed("judging", partial(judge_ink, pair, places, calibration))
            looked = sum(map(sum, spent.values())) - began
            spent.setdefault("a look, in all", []).append(looked)
    base = median(spent[f"embedding two crops, {Preset.FAST}"])
    print(f"{len(crops)} stamps, {len(spent['judging'])} looks, one core\n")
    print("| part | CPU ms a pair | relative to embedding both, fast |\n|---|---|---|")
    for part, times in spent.items():
        print(f"| {part} | {median(times):.1f} | {median(times) / base:.2f} |")


if __name__ == "__main__":
    main()
