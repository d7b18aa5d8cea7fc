"""Rows of bytes of a TIFF to 8-bit grey or RGB: every depth, kind and meaning of samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats.pixels import Range
from stamp2vec.imaging.formats.tiff.codecs import Bytes
from stamp2vec.imaging.formats.tiff.frame import FAX, PICTURES, Compression, Frame, Photometric

Samples = NDArray[np.generic]

_HORIZONTAL, _FLOATING = 2, 3
_WHITE = 255
_FAINT = 18  # levels of 8 bits: what 12 bits of 16 come to, and a little more
# Compressions that a predictor goes with.
_PREDICTED = (Compression.LZW, Compression.ADOBE_DEFLATE, Compression.DEFLATE, Compression.ZSTD, Compression.LZMA)
_REC_601 = (0.299, 0.587, 0.114)
_FULL_RANGE = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)


@dataclass(frozen=True, slots=True)
class Meaning:
    """How samples of a frame become 8 bits; `colour_map` is uint8 (N, 3)."""

    frame: Frame
    colour_map: Bytes | None = None
    range: Range | None = None

    @property
    def channels(self) -> int:
        """1 of what is grey, 3 of all else."""
        return 1 if self.frame.colours == 1 and self.frame.photometric is not Photometric.PALETTE else 3

    @property
    def needs_range(self) -> bool:
        """Whether the scale follows from the values of the whole page."""
        frame = self.frame
        return not _is_8_bit(frame) and (frame.kind != "u" or frame.bits > 16)

    def is_faint(self, colour: Bytes) -> bool:
        """Whether samples of 16 bits use so few of them that they have fewer in truth: such a page is all black."""
        if self.range is not None or self.colour_map is not None or self.frame.bits != 16 or _is_8_bit(self.frame):
            return False
        if self.frame.photometric is Photometric.WHITE_IS_ZERO:
            return bool(colour.min() > _WHITE - _FAINT)
        return self.frame.photometric in (Photometric.BLACK_IS_ZERO, Photometric.RGB) and bool(colour.max() < _FAINT)

    def to_8_bit(self, samples: Samples) -> tuple[Bytes, Bytes | None]:
        """Samples (n, w, s) as `unpack` gives them -> colour (n, w) or (n, w, 3), and alpha (n, w) or None."""
        frame = self.frame
        photometric = frame.photometric
        if self.colour_map is not None:
            index = samples[..., 0].astype(np.intp)
            if frame.compression in FAX:
                index >>= 7
            return np.take(self.colour_map, index, axis=0, mode="clip"), self._alpha(samples)
        if photometric in (Photometric.CIELAB, Photometric.ICCLAB):
            return _lab(samples, frame), None
        eight = self._scaled(samples[..., : frame.colours])
        if photometric is Photometric.YCBCR and (frame.planar or frame.compression not in PICTURES):
            return _ycbcr(eight, frame), None
        if photometric is Photometric.CMYK:
            height, width = eight.shape[:2]
            inks = Image.frombuffer("CMYK", (width, height), np.ascontiguousarray(eight), "raw", "CMYK", 0, 1)
            return np.asarray(inks.convert("RGB")), None
        if frame.colours == 1:
            eight = eight[..., 0]
            if photometric is Photometric.WHITE_IS_ZERO:
                eight = ~eight
                if samples.dtype.kind == "f":  # what is not a number is paper here too
                    eight[~np.isfinite(samples[..., 0])] = 255
        return eight, self._alpha(samples)

    def _alpha(self, samples: Samples) -> Bytes | None:
        return self._scaled(samples[..., self.frame.colours]) if self.frame.alpha else None

    def _scaled(self, samples: Samples) -> Bytes:
        frame = self.frame
        if samples.dtype == np.uint8 and (_is_8_bit(frame) or frame.bits == 8):
            return samples.view(np.uint8)
        if self.range is not None:
            return self.range.scale(samples)
        if frame.bits > 8:
            return np.right_shift(samples.astype(np.uint16, copy=False), frame.bits - 8).astype(np.uint8)
        greatest = (1 << frame.bits) - 1
        return np.take(
            (np.arange(greatest + 1) * 255 // greatest).astype(np.uint8), samples.astype(np.uint8, copy=False)
        )


def _is_8_bit(frame: Frame) -> bool:
    """Whether the codec gives 8 bits a sample whatever the directory says."""
    return frame.compression in FAX or frame.compression in PICTURES


def meaning_of(frame: Frame, field: str) -> Meaning:
    """Raises InvalidImage when a palette has no colours, or there is no meaning to such samples."""
    across, down = frame.subsampling
    if frame.predictor in (_HORIZONTAL, _FLOATING) and frame.compression in _PREDICTED:
        fits = frame.bits in (8, 16, 32, 64) and (frame.predictor == _HORIZONTAL or frame.kind == "f")
        if not fits or (across, down) != (1, 1):
            message = (
                f"the page has predictor {frame.predictor} on samples of {frame.bits} bits, which cannot be read: "
            )
            raise InvalidImage(message + "save it without a predictor", field)
    elif frame.predictor not in (1, _HORIZONTAL, _FLOATING):
        raise InvalidImage(f"the page has an unknown predictor, {frame.predictor}: save it without one", field)
    if frame.photometric in (Photometric.CIELAB, Photometric.ICCLAB) and (frame.kind, frame.bits) not in _LAB_KINDS:
        raise InvalidImage(f"the page is in L*a*b* of {frame.bits} bits, which cannot be read: save it as RGB", field)
    if (across, down) != (1, 1) and (
        frame.planar or frame.samples != 3 or frame.bits != 8 or not {across, down} <= {1, 2, 4}
    ):
        message = (
            f"the page is in YCbCr of {frame.bits} bits with {across} x {down} subsampling, which cannot be read: "
        )
        raise InvalidImage(message + "save it as RGB", field)
    if frame.photometric is not Photometric.PALETTE:
        return Meaning(frame)
    size = 1 << frame.bits
    colours = frame.directory.integers(320, 3 * size) if frame.kind == "u" and frame.bits <= 16 else ()
    if len(colours) != 3 * size:
        raise InvalidImage("the page has no colours for its palette: save it as RGB", field)
    table = np.array(colours, np.uint16).reshape(3, size).T
    # Some writers give colours of 8 bits where TIFF 6.0 asks for 16.
    return Meaning(frame, (table >> 8 if table.max() > 255 else table).astype(np.uint8))


_LAB_KINDS = {("u", 8), ("u", 16), ("i", 8), ("i", 16)}


def unpack(raw: Bytes, frame: Frame) -> Samples:
    """Rows (n, B) of decompressed segments, all of a width -> samples (n, W, s); YCbCr with full colour."""
    across, down = frame.subsampling
    if (across, down) != (1, 1):
        return _full_colour(raw, across, down)
    width, number = frame.segment_width, frame.together
    if _is_8_bit(frame):
        return raw.reshape(len(raw), width, number)
    count = width * number
    bits = frame.bits
    if bits not in (8, 16, 32, 64):
        return _unpack_bits(raw, bits, count).reshape(len(raw), width, number)
    predicted = frame.predictor if frame.compression in _PREDICTED else 1
    order = frame.directory.file.order
    if predicted == _FLOATING:
        # Adobe TIFF technical note 3: planes of bytes, the most significant first, each byte less the one before it.
        planes = np.add.accumulate(raw.reshape(len(raw), -1, number), axis=1, dtype=np.uint8)
        values = planes.reshape(len(raw), bits // 8, count).transpose(0, 2, 1)
        return np.ascontiguousarray(values).view(f">f{bits // 8}").reshape(len(raw), width, number)
    if bits == 8:
        samples: Samples = raw.reshape(len(raw), width, number)
    else:
        samples = np.ascontiguousarray(raw).view(f"{order}u{bits // 8}").reshape(len(raw), width, number)
    if predicted == _HORIZONTAL:
        native = samples.astype(samples.dtype.newbyteorder("="), copy=False)
        samples = np.add.accumulate(native, axis=1, dtype=native.dtype)
    if frame.kind == "u":
        return samples
    return samples.view(samples.dtype.str.replace("u", frame.kind))


def _unpack_bits(raw: Bytes, bits: int, count: int) -> Samples:
    """Samples of any number of bits up to 16, the most significant first, rows padded to bytes."""
    single = np.unpackbits(raw, axis=1, count=count * bits).reshape(len(raw), count, bits)
    if bits == 1:
        return single
    values = np.zeros((len(raw), count), np.uint16 if bits > 8 else np.uint8)
    for bit in range(bits):
        values = (values << 1) | single[..., bit]
    return values


def _full_colour(raw: Bytes, across: int, down: int) -> Samples:
    """Units of across x down levels of Y, then Cb and Cr, to samples (n, W, 3)."""
    size = across * down + 2
    units = raw.reshape(len(raw), -1, size)
    rows, columns = units.shape[:2]
    full = np.empty((rows * down, columns * across, 3), np.uint8)
    luma = units[..., :-2].reshape(rows, columns, down, across)
    full[..., 0] = luma.transpose(0, 2, 1, 3).reshape(rows * down, columns * across)
    for channel in (1, 2):
        full[..., channel] = units[..., across * down + channel - 1].repeat(down, 0).repeat(across, 1)
    return full


def _ycbcr(samples: Bytes, frame: Frame) -> Bytes:
    """TIFF 6.0, section 21."""
    weights = (*frame.directory.values(529, 3), *_REC_601)[:3] if len(frame.directory.values(529, 3)) == 3 else _REC_601
    reference = frame.directory.values(532, 6)
    reference = reference if len(reference) == 6 else _FULL_RANGE
    red, green, blue = (float(weight) for weight in weights)
    planes = samples.astype(np.float32)
    spans = [float(reference[i + 1]) - float(reference[i]) or 1.0 for i in (0, 2, 4)]
    luma = (planes[..., 0] - float(reference[0])) * (255 / spans[0])
    cb = (planes[..., 1] - float(reference[2])) * (127 / spans[1])
    cr = (planes[..., 2] - float(reference[4])) * (127 / spans[2])
    r = luma + cr * (2 - 2 * red)
    b = luma + cb * (2 - 2 * blue)
    g = (luma - blue * b - red * r) / (green or 1.0)
    rgb: Bytes = np.rint(np.stack([r, g, b], axis=2)).clip(0, 255).astype(np.uint8)
    return rgb


def _lab(samples: Samples, frame: Frame) -> Bytes:
    """L*a*b* by Pillow, which takes L from 0 and signed a and b, 8 bits each."""
    values = samples[..., :3]
    if frame.bits == 16:
        values = values.view(values.dtype.str.replace("i", "u")) >> 8
    eight = values.astype(np.uint8)
    if frame.photometric is Photometric.ICCLAB:  # where a and b have their zero at 128
        eight[..., 1:] ^= 0x80
    height, width = eight.shape[:2]
    return np.asarray(Image.frombytes("LAB", (width, height), eight.tobytes()).convert("RGB"))
