"""What every pipeline does: pictures in any form -> letterboxed batches -> the engine -> results in picture pixels."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import ClassVar, Generic, Self, TypeVar, overload

import numpy as np
from PIL import Image

from stamp2vec import engines
from stamp2vec.engines import Engine
from stamp2vec.errors import InvalidImage
from stamp2vec.files import File, contents
from stamp2vec.hub.manifest import Manifest
from stamp2vec.imaging import (
    Letterbox,
    Page,
    decode_picture,
    letterboxed,
    pillow_image,
    raw_image,
    warn_of_damage,
    whole,
)
from stamp2vec.values import Task

Picture = np.ndarray | Image.Image | File
AnyPicture = TypeVar("AnyPicture", bound=Picture)
Result = TypeVar("Result")

BATCH = 8


class ModelPipeline:
    """A pipeline around one model."""

    task: ClassVar[Task]

    def __init__(self, engine: Engine) -> None:
        """WeightsError when the model does another task."""
        engines.check_task(engine.manifest, self.task)
        self.engine = engine

    @classmethod
    def from_pretrained(cls, reference: str | Path, device: str = "cpu") -> Self:
        """Loads `name`, `name@version`, a folder or an http(s) URL of one.

        Raises ModelNotFound when there is no such model, WeightsError when its files cannot be trusted, and
        MissingExtra where the extra `local` is not installed.
        """
        return cls(engines.load(reference, cls.task, device))

    @property
    def manifest(self) -> Manifest:
        """What is known of the model."""
        return self.engine.manifest

    @property
    def input_size(self) -> tuple[int, int]:
        """Rows and columns of the model's input."""
        return self.manifest.input_height, self.manifest.input_width


class CropPipeline(ModelPipeline, ABC, Generic[Result]):
    """A model that gets each picture once, letterboxed. A call does it all."""

    @abstractmethod
    def restore(self, item: np.ndarray, box: Letterbox) -> Result:
        """One item of the engine -> the result in pixels of the picture that was letterboxed."""

    def run(self, pictures: Iterable[Picture]) -> Iterator[Result]:
        """Results in order, holding no more than a batch of pictures at a time."""
        waiting = iter(pictures)
        while chunk := [letterboxed(to_page(picture), self.input_size) for picture in islice(waiting, BATCH)]:
            items = self.engine.infer(np.stack([pixels for pixels, _ in chunk]))
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


def to_array(picture: Picture) -> np.ndarray:
    """The pixels of `to_page`, uint8 (H, W, 3); raises what it raises."""
    return to_page(picture).image


def to_page(picture: Picture, fit: tuple[int, int] | None = None) -> Page:
    """Any form of a picture; the first page of a file, whole or, with `fit`, as `imaging.read_fitted` gives it.

    InvalidImage when it is none, UnreadableFile, which is an OSError too, for a path that cannot be read.
    """
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim not in (2, 3):
            raise InvalidImage(
                f"an array of {picture.dtype} {picture.shape} is no picture: pass uint8 (H, W) or (H, W, 3)"
            )
        height, width, channels = picture.shape if picture.ndim == 3 else (*picture.shape, 1)
        return whole(raw_image(picture.tobytes(), height, width, channels))
    if isinstance(picture, Image.Image):
        return whole(pillow_image(picture))
    page = decode_picture(contents(picture), fit=fit)
    warn_of_damage(page.info.warnings)
    return page
