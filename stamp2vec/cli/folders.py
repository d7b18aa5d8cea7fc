"""Folders of PNG files that a command writes."""

from pathlib import Path

import numpy as np
from PIL import Image

from stamp2vec.errors import InvalidInput


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
        """Writes uint8 (H, W) or (H, W, 3) to stem.png; the path of the file. InvalidInput when that cannot be done."""
        path = self._path / f"{stem}.png"
        if path.name in self._written:
            raise InvalidInput(f"another file has been written to {path}: rename one of them")
        self._written.add(path.name)
        try:
            Image.fromarray(pixels).save(path)
        except OSError as error:
            raise InvalidInput(f"{path} cannot be written ({error.strerror}): choose another {self._option}") from error
        return str(path)
