"""The names and calls of the original project, github.com/stamps-labs/stamp2vec, on the models of this library.

Code that was written for it runs here once its import line is changed. Its modules were run from its checkout:

    from pipelines.detection.yolo_stamp import YoloStampPipeline      # there
    from stamp2vec.pipelines.original import YoloStampPipeline        # here, or from stamp2vec.pipelines

    pipe = YoloStampPipeline.from_pretrained("stamps-labs/yolo-stamp")
    boxes = pipe(Image.open("page.jpg"))  # (N, 4), x1 y1 x2 y2 in pixels

What is the same: `from_pretrained` takes what it took, by position and by name; a call takes a Pillow image of any
mode, named `image`; boxes are a float32 `torch.Tensor` on the CPU, best first, embeddings float32 arrays of 128 (VAE)
and 384 numbers (ViT-S/8), a segmented stamp is an RGB image with white paper.

What differs:

- The models are others. A name of the original's on the Hugging Face hub means a bundled model (`MODELS`); nothing is
  fetched from there, and `filename_hf` means nothing. The original's own files (pickles, TorchScript) are refused
  with WeightsError; `local_model_path` is a folder of this library.
- Vectors have length 1 and cannot be compared with vectors that the original made: embed again what was stored.
- A page without stamps has boxes of shape (0, 4), where the original failed. Boxes lie inside the page.
- A segmented stamp keeps the size of its crop; the original's was 336 x 336.
- Thresholds apply to scores of other models: their defaults are this library's, not the original's.
- Transparent paper is white; the original ignored transparency.
- `from_pretrained` without a model fails at once, with ModelNotFound.
- Models run on the CPU unless `device` says otherwise; the original took a GPU by itself. There are no attributes
  `model`, `encoder` and `transform`; `pipeline` is this library's pipeline, which returns scores too.

Boxes are a tensor and not an array because code that uses the original calls `.numpy()` and `.cpu().numpy()` on them,
which an array does not have.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from PIL import Image

from stamp2vec import engines
from stamp2vec.engines import Engine
from stamp2vec.errors import ModelNotFound
from stamp2vec.imaging.formats.pixels import to_rgb
from stamp2vec.limits import DEFAULT_MAX_OVERLAP
from stamp2vec.pipelines.detection import DetectionPipeline
from stamp2vec.pipelines.embedding import EmbeddingPipeline
from stamp2vec.pipelines.segmentation import SegmentationPipeline
from stamp2vec.values import Task

if TYPE_CHECKING:
    from torch import Tensor

MODELS: Mapping[str, str] = {
    "stamps-labs/yolo-stamp": "yolo-stamp",
    "stamps-labs/yolov8-finetuned": "stamp-yolo",
    "stamps-labs/vae-encoder": "tvae",
    "stamps-labs/vits8-stamp": "stamp-lite",
    "stamps-labs/deeplabv3-finetuned": "stamp-unet",
}
"""Names of the original's models on the Hugging Face hub, and the bundled models that stand for them."""


class _Original(ABC):
    """How the original's pipelines are made."""

    task: ClassVar[Task]

    @abstractmethod
    def __init__(self, engine: Engine) -> None:
        """WeightsError when the model does another task."""

    @classmethod
    def from_pretrained(
        cls,
        model_path_hf: str | None = None,
        filename_hf: str | None = "weights.pt",
        local_model_path: str | Path | None = None,
        *,
        device: str = "cpu",
    ) -> Self:
        """Loads the model that stands for `model_path_hf`, else the folder `local_model_path`.

        `model_path_hf` is a key of `MODELS` or what `hub.find` takes; `filename_hf` is accepted and not used.

        Raises ModelNotFound when there is no such model or none is named, WeightsError when its files cannot be
        trusted or do another task, and MissingExtra where the extra `local` is not installed.
        """
        if model_path_hf is not None:
            return cls(engines.load(MODELS.get(model_path_hf, model_path_hf), cls.task, device))
        if local_model_path is not None:
            return cls(engines.load(Path(local_model_path), cls.task, device))
        raise ModelNotFound(
            f"no model is named: pass model_path_hf, one of {', '.join(MODELS)}, or local_model_path, a folder"
        )


class _Detector(_Original):
    task = Task.DETECT

    def __init__(self, engine: Engine) -> None:
        self.pipeline = DetectionPipeline.refined(engine)

    def boxes(self, image: Image.Image, max_overlap: float, min_score: float | None) -> "Tensor":
        """Arguments as for `DetectionPipeline` -> float32 (N, 4), xyxy in pixels."""
        from stamp2vec.engines.torch import tensor  # installed, as an engine is loaded

        found = self.pipeline(pixels(image), min_score, max_overlap)
        return tensor(np.array([detection.box for detection in found], np.float32).reshape(-1, 4))


class YoloStampPipeline(_Detector):
    """Finds the stamps of a page: the fast detector."""

    def __call__(self, image: Image.Image) -> "Tensor":
        """Boxes of the stamps, float32 (N, 4), xyxy in pixels of the image, best first.

        InvalidImage when it is too small or too large.
        """
        return self.boxes(image, DEFAULT_MAX_OVERLAP, None)


class Yolov8Pipeline(_Detector):
    """Finds the stamps of a page: the accurate detector."""

    def __call__(
        self, image: Image.Image, nms_threshold: float = DEFAULT_MAX_OVERLAP, conf_threshold: float | None = None
    ) -> "Tensor":
        """Boxes of the stamps, float32 (N, 4), xyxy in pixels of the image, best first.

        `nms_threshold` is the intersection over union above which only the better of two boxes stays, 0 to 0.9;
        `conf_threshold` is the least score, 0 to 1, by default the detector's. InvalidImage when the image is too small
        or too large, InvalidInput for a threshold.
        """
        return self.boxes(image, nms_threshold, conf_threshold)


class _Embedder(_Original):
    task = Task.EMBED

    def __init__(self, engine: Engine) -> None:
        self.pipeline = EmbeddingPipeline(engine)

    def __call__(self, image: Image.Image) -> np.ndarray:
        """The vector of a cropped stamp, float32 (D,) of length 1. InvalidImage when it is too small or too large."""
        return self.pipeline(pixels(image))


class VaePipeline(_Embedder):
    """Turns a cropped stamp into a vector of 128 numbers: the fast embedder."""


class Vits8Pipeline(_Embedder):
    """Turns a cropped stamp into a vector of 384 numbers: the accurate embedder."""


class DeepLabv3Pipeline(_Original):
    """Lifts the ink of a cropped stamp."""

    task = Task.SEGMENT

    def __init__(self, engine: Engine) -> None:
        self.pipeline = SegmentationPipeline(engine)

    def __call__(self, image: Image.Image, threshold: float = 0.5) -> Image.Image:
        """The crop with everything white whose probability of ink is at most `threshold`: RGB, of the crop's size.

        InvalidImage when it is too small or too large.
        """
        crop = pixels(image)
        is_ink = self.pipeline(crop) > 255 * threshold
        return Image.fromarray(np.where(is_ink[..., None], crop, np.uint8(255)))


def pixels(image: Image.Image) -> np.ndarray:
    """A Pillow image as uint8 (H, W, 3), its rows where Pillow has them.

    The EXIF orientation is left alone, for boxes are drawn on, and cropped from, the image that was passed. OSError
    when its file is damaged.
    """
    return np.asarray(to_rgb(image))
