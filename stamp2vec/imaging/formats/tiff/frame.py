"""What a directory of a TIFF says of its pixels: size, samples, compression, and where they lie."""

import math
from dataclasses import dataclass
from enum import IntEnum

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats.resolution import CM_PER_INCH, Density
from stamp2vec.imaging.formats.tiff.directory import Directory

_MAX_TILE_SIDE = 1 << 16

_INCH, _CM = 2, 3


class Photometric(IntEnum):
    """What samples mean; TIFF 6.0, tag 262."""

    WHITE_IS_ZERO = 0
    BLACK_IS_ZERO = 1
    RGB = 2
    PALETTE = 3
    MASK = 4
    CMYK = 5
    YCBCR = 6
    CIELAB = 8
    ICCLAB = 9


class Compression(IntEnum):
    """Those that can be read; tag 259."""

    NONE = 1
    CCITT_RLE = 2
    CCITT_T4 = 3
    CCITT_T6 = 4
    LZW = 5
    OLD_JPEG = 6
    JPEG = 7
    ADOBE_DEFLATE = 8
    CCITT_RLE_WORD = 32771
    PACKBITS = 32773
    DEFLATE = 32946
    JPEG_2000_YCBCR = 33003
    JPEG_2000_LOSSY = 33004
    JPEG_2000_RGB = 33005
    JPEG_2000 = 34712
    LOSSY_JPEG = 34892
    LZMA = 34925
    WEBP_OLD = 34927
    PNG = 34933
    ZSTD = 50000
    WEBP = 50001


FAX = (Compression.CCITT_RLE, Compression.CCITT_T4, Compression.CCITT_T6, Compression.CCITT_RLE_WORD)

# Those that cannot be read, by the names under which programs offer them.
_OTHER_COMPRESSIONS = {
    9: "JBIG (T.85)", 10: "JBIG (T.43)", 262: "Kodak", 32766: "NeXT", 32769: "packed 12 bits", 32770: "Nikon NEF",
    32809: "ThunderScan", 32895: "IT8 CT", 32896: "IT8 line work", 32897: "IT8 monochrome", 32898: "IT8 binary line",
    32908: "Pixar film", 32909: "Pixar log", 32947: "Kodak DCS", 34661: "JBIG", 34663: "SGI JBIG2",
    34665: "Leadtools JBIG2", 34676: "SGI log", 34677: "SGI log, 24 bits", 34713: "Nikon NEF", 34715: "JBIG2 of fax",
    34718: "Microsoft MDI binary", 34719: "Microsoft MDI progressive", 34720: "Microsoft MDI vector", 34887: "LERC",
    34926: "ZSTD of old", 34934: "JPEG XR", 22610: "JPEG XR", 48124: "JETRAW", 50002: "JPEG XL", 50013: "Pixtiff",
    52546: "JPEG XL of DNG", 65000: "Kodak DCR", 65535: "Pentax PEF",
}  # fmt: skip
_OTHER_PHOTOMETRICS = {
    10: "ITULab", 32803: "the colour filter of a camera", 32844: "CIE log2(L)", 32845: "CIE log2(L) (u', v')",
    34892: "linear raw", 51177: "depth", 52527: "semantic mask",
}  # fmt: skip
# Samples that each meaning needs.
_COLOURS = {
    Photometric.WHITE_IS_ZERO: 1, Photometric.BLACK_IS_ZERO: 1, Photometric.RGB: 3, Photometric.PALETTE: 1,
    Photometric.MASK: 1, Photometric.CMYK: 4, Photometric.YCBCR: 3, Photometric.CIELAB: 3, Photometric.ICCLAB: 3,
}  # fmt: skip
_SAMPLE_NAMES = {"u": "unsigned", "i": "signed", "f": "floating-point"}
_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}

_SAVE_AGAIN = "save it as a PNG, a PDF or a TIFF with LZW compression"


@dataclass(frozen=True, slots=True)
class Frame:
    """A page of a TIFF before its pixels are read. Sizes as stored.

    `kind` is "u", "i" or "f", all samples having the same `bits`; `colours` counts the samples that are no extra ones.
    A segment is a strip or a tile of `segment_width` x `segment_height` pixels.
    """

    directory: Directory
    width: int
    height: int
    compression: Compression
    photometric: Photometric
    bits: int
    kind: str
    samples: int
    colours: int
    planar: bool
    predictor: int
    lsb_first: bool
    orientation: int
    alpha: str  # "", "straight" or "premultiplied"
    density: Density | None
    tiled: bool
    segment_width: int
    segment_height: int

    @property
    def across(self) -> int:
        """Segments side by side."""
        return -(-self.width // self.segment_width)

    @property
    def down(self) -> int:
        """Segments one below the other."""
        return -(-self.height // self.segment_height)

    @property
    def planes(self) -> int:
        """Of segments: 1, or one for each sample."""
        return self.samples if self.planar else 1

    @property
    def together(self) -> int:
        """Samples of a pixel in one segment."""
        return 1 if self.planar else self.samples

    @property
    def subsampling(self) -> tuple[int, int]:
        """Of uncompressed YCbCr: pixels in a row and rows for which there is one Cb and one Cr."""
        if self.photometric is not Photometric.YCBCR or self.compression in PICTURES:
            return 1, 1
        across, down = (*self.directory.integers(530, 2), 2, 2)[:2] if 530 in self.directory.entries else (2, 2)
        return across, down

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of a segment once it is decompressed; of a row of units where colour is subsampled."""
        across, down = self.subsampling
        if (across, down) == (1, 1):
            return (self.segment_width * self.together * self.bits + 7) // 8
        return -(-self.segment_width // across) * (across * down + 2)


PICTURES = (
    Compression.OLD_JPEG, Compression.JPEG, Compression.JPEG_2000, Compression.JPEG_2000_YCBCR,
    Compression.JPEG_2000_LOSSY, Compression.JPEG_2000_RGB, Compression.LOSSY_JPEG, Compression.WEBP,
    Compression.WEBP_OLD, Compression.PNG,
)  # fmt: skip


def read_frame(directory: Directory, field: str) -> Frame:
    """What the directory says. Raises InvalidImage, naming what it is that cannot be read."""
    width, height = directory.size
    if not width or not height:
        raise InvalidImage("the page is damaged (it has no size): save the file again, or send the whole file", field)
    compression = _compression(directory, field)
    photometric = _photometric(directory, compression, field)
    colours = _COLOURS[photometric]
    samples = directory.integer(277, colours if photometric is not Photometric.MASK else 1)
    bits, kind = _sample_kind(directory, samples, field)
    if compression in FAX and (samples, bits) != (1, 1):
        raise InvalidImage(f"fax compression of {samples} x {bits} bits a pixel is not possible: {_SAVE_AGAIN}", field)
    if compression in (Compression.JPEG, Compression.OLD_JPEG) and bits > 8:
        raise InvalidImage(f"the page is compressed as JPEG of {bits} bits, which cannot be read: {_SAVE_AGAIN}", field)
    if samples < colours or samples > 64 or (colours == 1 and samples > 2):
        meaning = photometric.name.lower().replace("_", " ")
        raise InvalidImage(
            f"the page has {samples} samples a pixel of the kind {meaning!r}, which cannot be shown as one picture: "
            "save it as RGB or grey",
            field,
        )
    tiled = 322 in directory.entries
    if tiled:
        segment = directory.integer(322, 0), directory.integer(323, 0)
    else:
        segment = width, min(directory.integer(278, height) or height, height)
    if not min(segment) or (tiled and max(segment) > _MAX_TILE_SIDE):
        raise InvalidImage("the page is damaged (its tiles have no size): save the file again", field)
    planar = directory.integer(284, 1) == 2 and samples > 1
    return Frame(
        directory, width, height, compression, photometric, bits, kind, samples, colours, planar,
        predictor=directory.integer(317, 1),
        lsb_first=directory.integer(266, 1) == 2,
        orientation=directory.integer(274, 1),
        alpha=_alpha(directory, samples, colours),
        density=_density(directory),
        tiled=tiled,
        segment_width=segment[0],
        segment_height=segment[1],
    )  # fmt: skip


def _compression(directory: Directory, field: str) -> Compression:
    number = directory.integer(259, 1)
    try:
        return Compression(number)
    except ValueError:
        name = _OTHER_COMPRESSIONS.get(number, "unknown")
        message = f"the page is compressed as {name} (TIFF compression {number}), which cannot be read: {_SAVE_AGAIN}"
        raise InvalidImage(message, field) from None


def _photometric(directory: Directory, compression: Compression, field: str) -> Photometric:
    number = directory.integer(262, -1)
    if number < 0:  # It has to be there, but old fax programs leave it out: in fax 0 is white.
        if directory.integer(277, 1) >= 3:
            return Photometric.YCBCR if compression in (Compression.JPEG, Compression.OLD_JPEG) else Photometric.RGB
        return Photometric.WHITE_IS_ZERO if compression in FAX else Photometric.BLACK_IS_ZERO
    try:
        return Photometric(number)
    except ValueError:
        name = _OTHER_PHOTOMETRICS.get(number, "an unknown one")
        message = f"the colour space of the page is {name} (PhotometricInterpretation {number}), which cannot be read: "
        raise InvalidImage(message + "save it as RGB or grey", field) from None


def _sample_kind(directory: Directory, samples: int, field: str) -> tuple[int, str]:
    """Bits of a sample and its kind, the same for all."""
    bits = set(directory.integers(258, min(samples, 64))) or {1}
    formats = set(directory.integers(339, min(samples, 64))) or {1}
    if len(bits) > 1 or len(formats) > 1:
        message = f"the samples of a pixel have {', '.join(map(str, sorted(bits)))} bits"
        raise InvalidImage(f"{message}, and kinds that differ: save the page with 8 bits a sample", field)
    depth, number = bits.pop(), formats.pop()
    kind = _KINDS.get(number, "")
    allowed = {"u": (*range(1, 17), 32, 64), "i": (8, 16, 32, 64), "f": (16, 32, 64)}.get(kind, ())
    if depth not in allowed:
        name = f"{_SAMPLE_NAMES[kind]} samples" if kind else f"samples of kind {number} (complex numbers)"
        raise InvalidImage(
            f"the page has {name} of {depth} bits, which cannot be read: save it with 8 bits a sample", field
        )
    return depth, kind


def _alpha(directory: Directory, samples: int, colours: int) -> str:
    """What the first extra sample is. One that the file does not name is not taken for transparency."""
    if samples <= colours:
        return ""
    return {1: "premultiplied", 2: "straight"}.get(directory.integer(338, 0), "")


def _density(directory: Directory) -> Density | None:
    across, down = directory.values(282, 1), directory.values(283, 1)
    if not across or not down:
        return None
    unit = directory.integer(296, _INCH)
    factor = CM_PER_INCH if unit == _CM else 1.0
    x, y = float(across[0]) * factor, float(down[0]) * factor
    return Density(x, y, absolute=unit in (_INCH, _CM)) if math.isfinite(x) and math.isfinite(y) else None
