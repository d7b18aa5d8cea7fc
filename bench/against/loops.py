"""Documents in a loop without services: `python -m bench.against.loops (pipeline | recipe) PAGE SECONDS`.

`pipeline` is the library's in this process. `recipe` is what is published with the models that this project began with
(`training.baselines`): the page resized to the square of the detector, its stamps to that of the embedder, eager
PyTorch, one at a time. Weights are drawn, as they change no time, and the boxes are those that the pipeline finds.
Prints one line when it has warmed up, waits for one, and prints documents a second and CPU ms a document.
"""

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from stamp2vec.pipelines import DocumentPipeline
from training.baselines import tvae, yolo_stamp


def main() -> None:
    """Prints both lines."""
    name, page, seconds = sys.argv[1], Path(sys.argv[2]).read_bytes(), float(sys.argv[3])
    pipeline = DocumentPipeline.from_preset()

    def analyze() -> None:
        pipeline(page)

    work = analyze if name == "pipeline" else recipe(page, [one.box for one in pipeline(page).pages[0].stamps])
    work()
    print("ready", flush=True)
    sys.stdin.readline()
    began_s, before_s, count = time.monotonic(), time.process_time(), 0
    while time.monotonic() - began_s < seconds:
        work()
        count += 1
    print(count / (time.monotonic() - began_s), 1000 * (time.process_time() - before_s) / count, flush=True)


def recipe(page: bytes, boxes: list[tuple[float, float, float, float]]) -> Callable[[], None]:
    """What does all that is published for one page."""
    detector, embedder = yolo_stamp.PublishedYoloStamp().eval(), tvae.PublishedTvae().eval()

    def batch(image: Image.Image, side: int) -> torch.Tensor:
        return torch.from_numpy(np.asarray(image.resize((side, side)))[None].copy())

    @torch.inference_mode()
    def work() -> None:
        image = Image.open(io.BytesIO(page)).convert("RGB")
        detector(batch(image, yolo_stamp.SIZE))
        for x1, y1, x2, y2 in boxes:
            embedder(batch(image.crop((int(x1), int(y1), int(x2), int(y2))), tvae.SIZE))

    return work


if __name__ == "__main__":
    main()
