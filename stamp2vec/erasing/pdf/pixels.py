"""The pixels of a PDF's pictures, decoded by PDFium, which reads every kind of them, and encoded without loss."""

import io
import zlib

import numpy as np
import pikepdf
from numpy.typing import NDArray
from pikepdf import Array, Dictionary, Name, Stream

from stamp2vec.imaging.formats.limits import Limits
from stamp2vec.imaging.formats.pdf import PdfReader

_DEVICE = {1: Name.DeviceGray, 3: Name.DeviceRGB}
_CALIBRATED = {"/ICCBased", "/CalGray", "/CalRGB"}
_UP = 2  # a predictor of PNG: each row less the one above
_LEVEL = 6
# Entries of a picture that do not hold of its new data; ISO 32000-2, table 87.
_OF_DATA = {"/Filter", "/DecodeParms", "/Length", "/Decode", "/F", "/FFilter", "/FDecodeParms", "/DL", "/SMaskInData"}


def decoded(picture: Stream, limits: Limits, field: str) -> NDArray[np.uint8]:
    """The pixels, uint8 (H, W, 3), writable, as they are drawn without their mask. InvalidImage when they cannot be.

    Those of a calibrated space of grey or RGB are its samples. A stencil's are black where it paints.
    """
    width, height = int(picture[Name.Width]), int(picture[Name.Height])
    alone = pikepdf.new()
    alone.add_blank_page(page_size=(width, height))
    copy = alone.copy_foreign(picture)
    for name in (Name.SMask, Name.Mask, Name.OC):
        if name in copy:
            del copy[name]
    space = samples_space(picture)
    if space is not None:
        copy[Name.ColorSpace] = space
    page = alone.pages[0]
    page.obj[Name.Resources] = Dictionary(XObject=Dictionary(Picture=copy))
    page.obj[Name.Contents] = Stream(alone, f"q {width} 0 0 {height} 0 0 cm /Picture Do Q".encode())
    file = io.BytesIO()
    alone.save(file)
    reader = PdfReader(file, limits, field)
    try:
        image = reader.read(0).image
    finally:
        reader.close()
    if image.shape[:2] != (height, width):
        raise ValueError(f"it is drawn as {image.shape[1]} x {image.shape[0]} pixels and has {width} x {height}")
    image.flags.writeable = True
    return image


def samples_space(picture: Stream) -> Name | None:
    """The device space with as many channels as a picture's own, if that is grey or RGB, so that its samples stay."""
    space = picture.get(Name.ColorSpace)
    if space in (Name.DeviceGray, Name.DeviceRGB):
        return Name(str(space))
    if not isinstance(space, Array) or not len(space) or str(space[0]) not in _CALIBRATED:
        return None
    channels = {"/CalGray": 1, "/CalRGB": 3}.get(str(space[0]))
    return _DEVICE.get(channels or int(space[1].get(Name.N, 0)))


def encoded(pdf: pikepdf.Pdf, picture: Stream, pixels: NDArray[np.uint8]) -> Stream:
    """A picture like another, with other pixels, uint8 (H, W, 3)."""
    kept = samples_space(picture)
    is_stencil = bool(picture.get(Name.ImageMask, False))
    is_grey = bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())
    if kept == Name.DeviceRGB:
        is_grey = False
    bits = 1 if is_stencil or (int(picture.get(Name.BitsPerComponent, 8)) == 1 and is_grey) else 8
    rows = pixels[..., 0] if is_grey or is_stencil else pixels.reshape(len(pixels), -1)
    channels = 1 if is_grey or is_stencil else 3
    rows = np.packbits(rows >= 128, axis=1) if bits == 1 else np.ascontiguousarray(rows)
    new = Stream(pdf, b"")
    for key, value in picture.stream_dict.items():
        if key not in _OF_DATA:
            new[key] = value
    parameters = Dictionary(Predictor=15, Colors=channels, BitsPerComponent=bits, Columns=pixels.shape[1])
    new.write(zlib.compress(_predicted(rows), _LEVEL), filter=Name.FlateDecode, decode_parms=parameters)
    new[Name.BitsPerComponent] = bits
    if not is_stencil and kept is None:
        new[Name.ColorSpace] = _DEVICE[channels]
    return new


def _predicted(rows: NDArray[np.uint8]) -> bytes:
    """Rows of bytes (H, B), each less the one above, and the predictor's number before it."""
    out = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
    out[:, 0] = _UP
    out[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=out[1:, 1:])
    return out.tobytes()
