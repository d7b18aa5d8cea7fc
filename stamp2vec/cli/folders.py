"""Folders of PNG files that a command writes."""

from argparse import Namespace
from pathlib import Path

import numpy as np
from PIL import Image

from stamp2vec.cli.rows import StampFiles
from stamp2vec.errors import InvalidInput
from stamp2vec.values import Stamp


class PngFolder:
    """A folder in which one command writes no file twice."""

    def __init__(self, path: str, option: str) -> None:
        """Makes the folder that was given with an option, such as --out. InvalidInput when that cannot be done."""
        self._path, self._option = Path(path), option
        self._written: set[str] = set()
        try:
            self._path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(f"{option} {path} cannot be made ({error.strerror}): choose another") from error

    def write(self, stem: str, pixels: np.ndarray) -> str:
        """Writes uint8 (H, W) or (H, W, 3 or 4) to stem.png, and returns its path. InvalidInput when it cannot."""
        path = self._path / f"{stem}.png"
        if path.name in self._written:
            raise InvalidInput(f"another file has been written to {path}: rename one of them")
        self._written.add(path.name)
        try:
            Image.fromarray(pixels).save(path)
        except OSError as error:
            raise InvalidInput(f"{path} cannot be written ({error.strerror}): choose another {self._option}") from error
        return str(path)


class StampFolders:
    """The folders into which `analyze` writes the pictures of stamps; None where an option was not given."""

    def __init__(self, arguments: Namespace) -> None:
        """Makes them. InvalidInput when that cannot be done."""
        self.crops = _folder(arguments.crops, "--crops")
        self.masks = _folder(arguments.masks, "--masks")
        self.unrolled = _folder(arguments.unrolled, "--unrolled")
        self.clean = _folder(arguments.clean, "--clean")

    def write(self, stem: str, stamp: Stamp) -> StampFiles:
        """Writes what there is of a stamp. InvalidInput when that cannot be done."""
        return StampFiles(
            crop=_written(self.crops, stem, stamp.crop),
            mask=_written(self.masks, stem, stamp.mask),
            unrolled=()
            if self.unrolled is None
            else tuple(
                self.unrolled.write(f"{stem}-{number}", strip.pixels) for number, strip in enumerate(stamp.unrolled, 1)
            ),
            transparent=_written(self.clean, stem, stamp.transparent),
            ink=_written(self.clean, f"{stem}-white", stamp.ink),
        )


def _folder(path: str | None, option: str) -> PngFolder | None:
    return PngFolder(path, option) if path else None


def _written(folder: PngFolder | None, stem: str, pixels: np.ndarray | None) -> str | None:
    return None if folder is None or pixels is None else folder.write(stem, pixels)
