"""Single pictures without their stamps, by Pillow: the same format where it keeps every pixel, else PNG."""

import shutil
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, PngImagePlugin

from stamp2vec.erasing.marks import Mark, Result, erase_marks
from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats import raster
from stamp2vec.imaging.formats.limits import Limits
from stamp2vec.imaging.formats.page import new_array
from stamp2vec.imaging.formats.pixels import canvas_of
from stamp2vec.imaging.formats.upright import Canvas, upright_view

_KEPT = {
    "PNG": "image/png",
    "BMP": "image/bmp",
    "PPM": "image/x-portable-anymap",
    "WEBP": "image/webp",
}
_OTHERS = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "JPEG2000": "image/jp2"}
_MODES = {"1", "L", "LA", "RGB", "RGBA", "CMYK"}  # whose samples can be written one by one
_DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
_LEVELS_OF_16_BITS = 257
_WHITE = 255


class PictureEraser:
    """A file of one picture; see Eraser."""

    def __init__(self, source: BinaryIO, limits: Limits, field: str) -> None:
        """The source is its owner's."""
        self._source, self._limits, self._field = source, limits, field
        self._picture: Image.Image | None = None
        self._stored: dict[str, Any] = {}
        self._format = ""
        self.warnings: tuple[str, ...] = ()

    def erase(self, index: int, marks: Sequence[Mark]) -> list[Result]:
        """See Eraser."""
        self._source.seek(0)
        try:
            with Image.open(self._source, formats=raster.FORMATS) as picture:
                raster.check_size(picture.width, picture.height, self._limits, self._field)
                frames = getattr(picture, "n_frames", 1)
                self._format = picture.format or ""
                orientation = raster.orientation_of(picture)
                picture.load()
                self._stored = _stored_beside(picture)
                canvas = canvas_of(picture)
                colour = colour_of(canvas)
                changed = np.zeros(colour.shape[:2], np.bool_)
                view = upright_view(colour, orientation)
                results = erase_marks(view, marks, upright_view(changed, orientation))
                if changed.any():
                    self._picture = _with_pixels(picture, colour, changed)
        except InvalidImage:
            raise
        except MemoryError as error:
            raise InvalidImage(raster.TOO_LARGE_FOR_MEMORY, self._field) from error
        except Exception as error:  # hostile bytes make Pillow raise exceptions of nearly every kind
            message = f"the image is damaged or cut short ({raster.reason(error)}): send the whole file"
            raise InvalidImage(message, self._field) from error
        self.warnings = () if self._picture is None else self._warnings(picture.mode, frames)
        return results

    def save(self, target: BinaryIO) -> str:
        """See Eraser."""
        if self._picture is None:
            self._source.seek(0)
            with Image.open(self._source, formats=raster.FORMATS) as picture:
                format_name = picture.format or ""
            self._source.seek(0)
            shutil.copyfileobj(self._source, target)
            return (_KEPT | _OTHERS)[format_name]
        format_name = self._format if self._format in _KEPT else "PNG"
        options: dict[str, Any] = {key: value for key, value in self._stored.items() if value}
        if format_name == "WEBP":
            options |= {"lossless": True, "exact": True}
        if format_name == "PNG":
            options |= {"compress_level": 4}
        self._picture.save(target, format_name, **options)
        return _KEPT[format_name]

    def _warnings(self, mode: str, frames: int) -> tuple[str, ...]:
        warnings = []
        if self._format not in _KEPT:
            name = "JPEG 2000" if self._format == "JPEG2000" else "JPEG"
            warnings.append(
                f"the answer is a PNG, as saving the {name} again would change every pixel: convert it where that is "
                "no matter"
            )
        if frames > 1:
            warnings.append(f"the file has {frames:,} pictures, and the answer the first: send the others singly")
        if mode not in _MODES and mode not in _DEEP and mode != "P":
            warnings.append(f"the picture was of a rare kind (mode {mode}) and is now of 8 bits a channel")
        return tuple(warnings)


def colour_of(canvas: Canvas) -> NDArray[np.uint8]:
    """A canvas as RGB, uint8 (H, W, 3), writable."""
    if canvas.colour.ndim == 3 and canvas.colour.flags.writeable:
        return canvas.colour
    colour = new_array(*canvas.colour.shape[:2])
    colour[...] = canvas.colour[..., None] if canvas.colour.ndim == 2 else canvas.colour
    return colour


def _with_pixels(picture: Image.Image, colour: NDArray[np.uint8], changed: NDArray[np.bool_]) -> Image.Image:
    """The picture with the pixels `colour`, uint8 (H, W, 3), where they `changed`; nothing else of it is another."""
    if "transparency" in picture.info:
        picture = picture.convert("RGBA")
    elif picture.mode == "P":
        picture = picture.convert("RGB")
    elif picture.mode not in _MODES and picture.mode not in _DEEP:
        return Image.fromarray(colour)
    if picture.mode in _DEEP:
        deep = np.array(picture).astype(np.uint16)
        deep[changed] = _grey(colour[changed]).astype(np.uint16) * _LEVELS_OF_16_BITS
        return Image.fromarray(deep)
    if picture.mode == "1":
        bits = np.array(picture)
        bits[changed] = _grey(colour[changed]) >= 128
        return Image.fromarray(bits)
    samples = np.array(picture)
    if picture.mode == "L":
        samples[changed] = _grey(colour[changed])
    elif picture.mode == "LA":
        samples[changed, 0] = _grey(colour[changed])
        samples[changed, 1] = _WHITE
    elif picture.mode == "CMYK":
        samples[changed, :3] = _WHITE - colour[changed]
        samples[changed, 3] = 0
        if picture.format in ("JPEG", "MPO"):  # which becomes a PNG
            return Image.fromarray(samples, "CMYK").convert("RGB")
        return Image.fromarray(samples, "CMYK")
    else:
        samples[changed, :3] = colour[changed]
        samples[changed, 3:] = _WHITE
    return Image.fromarray(samples)


def _grey(colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Of pixels (N, 3) that are grey but for rounding."""
    return np.asarray(np.rint(colour.mean(1)), np.uint8)


def _stored_beside(picture: Image.Image) -> dict[str, Any]:
    """What is in a file besides its pixels, as options of Image.save."""
    info = picture.info
    beside: dict[str, Any] = {"exif": info.get("exif")}
    if picture.mode != "CMYK":  # whose profile no PNG can have
        beside["icc_profile"] = info.get("icc_profile")
    density = raster.density_of(picture) if isinstance(picture, ImageFile.ImageFile) else None
    if density is not None and density.absolute:
        beside["dpi"] = density.x, density.y
    if isinstance(picture, PngImagePlugin.PngImageFile):
        texts = PngImagePlugin.PngInfo()
        for key, value in picture.text.items():
            texts.add_itxt(key, value) if isinstance(value, PngImagePlugin.iTXt) else texts.add_text(key, value)
        beside["pnginfo"] = texts if picture.text else None
    return beside
