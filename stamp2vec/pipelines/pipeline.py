"""What every pipeline does: pictures in any form -> letterboxed batches -> the model -> results in picture pixels."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import ClassVar, Generic, Self, TypeVar, overload

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from stamp2vec import hub
from stamp2vec.errors import InvalidImage, WeightsError
from stamp2vec.imaging import Letterbox, decode_image, letterbox, pillow_image, raw_image
from stamp2vec.manifest import Manifest, Task
from stamp2vec.models import build
from stamp2vec.models.layers import fold_norms

Picture = np.ndarray | Image.Image | Path | str | bytes
AnyPicture = TypeVar("AnyPicture", bound=Picture)
Result = TypeVar("Result")

BATCH = 8


class ServedPipeline(ABC):
    """A model with its manifest. `infer` is the hot path, which the services batch."""

    task: ClassVar[Task]

    def __init__(self, manifest: Manifest, state: dict[str, Tensor], device: str = "cpu") -> None:
        """WeightsError when the weights do another task or do not fit the architecture that the manifest names."""
        if manifest.task != self.task:
            raise WeightsError(
                f"{manifest.reference} is made to {manifest.task}: give a model that is made to {self.task}"
            )
        self.manifest = manifest
        self.device = torch.device(device)
        self.model = fitted(self.network(), manifest, state).to(self.device)

    @classmethod
    def from_pretrained(cls, reference: str | Path, device: str = "cpu") -> Self:
        """Loads `name`, `name@version`, a folder or an http(s) URL of one.

        Raises ModelNotFound when there is no such model and WeightsError when its files cannot be trusted.
        """
        return cls(*hub.load(reference), device=device)

    @property
    def input_size(self) -> tuple[int, int]:
        """Rows and columns of the model's input."""
        return self.manifest.input_height, self.manifest.input_width

    def network(self) -> nn.Module:
        """The architecture that the manifest names, with fresh weights."""
        return build(self.manifest.architecture, self.manifest.config)

    def infer(self, batch: np.ndarray) -> list[np.ndarray]:
        """uint8 (N, h, w, 3) at `input_size` -> one array an item, in pixels of the model's input."""
        with torch.inference_mode():
            return self.finish(self.model(torch.from_numpy(batch).to(self.device)))

    @abstractmethod
    def finish(self, output: Tensor) -> list[np.ndarray]:
        """The model's output for a batch -> one array an item."""


class Pipeline(ServedPipeline, Generic[Result]):
    """A model that looks at each picture once, letterboxed. A call does it all."""

    @abstractmethod
    def restore(self, item: np.ndarray, box: Letterbox) -> Result:
        """One item of `infer` -> the result in pixels of the picture that was letterboxed."""

    def run(self, pictures: Iterable[Picture]) -> Iterator[Result]:
        """Results in order, holding no more than a batch of pictures at a time."""
        waiting = iter(pictures)
        while chunk := [letterbox(to_array(picture), self.input_size) for picture in islice(waiting, BATCH)]:
            items = self.infer(np.stack([pixels for pixels, _ in chunk]))
            yield from (self.restore(item, box) for item, (_, box) in zip(items, chunk))

    @overload
    def __call__(self, pictures: Picture) -> Result: ...
    @overload
    def __call__(self, pictures: list[AnyPicture]) -> list[Result]: ...
    def __call__(self, pictures: Picture | list[AnyPicture]) -> Result | list[Result]:
        """One result for one picture, a list for a list. InvalidImage when one of them is no picture."""
        if isinstance(pictures, list):
            return list(self.run(pictures))
        return next(self.run([pictures]))


def fitted(model: nn.Module, manifest: Manifest, state: dict[str, Tensor]) -> nn.Module:
    """The network with these weights, ready to infer."""
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(f"the weights of {manifest.name} do not fit {manifest.architecture}: {error}") from error
    fold_norms(model.eval())
    return model.to(memory_format=torch.channels_last)  # type: ignore[no-any-return, call-overload]


def to_array(picture: Picture) -> np.ndarray:
    """Any form of a picture as uint8 (H, W, 3) RGB. InvalidImage when it is none, OSError when a path is unreadable."""
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim not in (2, 3):
            raise InvalidImage(
                f"an array of {picture.dtype} {picture.shape} is no picture: pass uint8 (H, W) or (H, W, 3)"
            )
        height, width, channels = picture.shape if picture.ndim == 3 else (*picture.shape, 1)
        return raw_image(picture.tobytes(), height, width, channels)
    if isinstance(picture, Image.Image):
        return pillow_image(picture)
    return decode_image(picture if isinstance(picture, bytes) else Path(picture).read_bytes())
