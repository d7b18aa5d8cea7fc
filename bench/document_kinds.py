"""What is found on one page that comes as files of many kinds: `python -m bench.document_kinds`.

The sample page is written as each kind of picture, TIFF and PDF, and analysed; stamps, boxes and similarities are
compared with those of the page as it is. Boxes are compared in pixels of the sample page, at 150 an inch.
"""

import argparse
import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import img2pdf
import numpy as np
import pikepdf
import tifffile
from numpy.typing import NDArray
from pikepdf import Array, Dictionary, Name
from PIL import Image

from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.values import DocumentResult, Preset, Source, Stamp

SAMPLE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
DPI = 150
PASSWORD = "open sesame"
MARGIN_PX = 150  # that a CropBox takes off each side of the sample page
_POINT = 72 / DPI  # of a pixel
_ORIENTATION = 274
_WHITE_IS_ZERO, _BLACK_IS_ZERO = 0, 1
_INK = 200  # of 255: a fax makes black of what is darker

Box = tuple[float, float, float, float]
Pixels = NDArray[np.uint8]


class Loss(Enum):
    """What of the sample page models see otherwise."""

    NOTHING = "nothing"
    PIXELS = "pixels"  # their values, by JPEG or by resampling
    COLOUR = "colour"
    PLACE = "place"  # and so the size on the page that a detector makes smaller


@dataclass(frozen=True, slots=True)
class Kind:
    """A document whose page shows the sample page.

    `pixels` are those of the sample page for one of the document's, along a row and a column, from `origin` on.
    `to_user_space` takes a box in pixels of the sample page to where it has to be in the user space of a PDF.
    """

    name: str
    data: bytes
    loss: Loss = Loss.NOTHING
    pixels: tuple[float, float] = (1.0, 1.0)
    origin: tuple[float, float] = (0.0, 0.0)
    password: str | None = None
    source: Source = Source.PAGE
    to_user_space: Callable[[Box], Box] | None = None

    def in_sample(self, box: Box) -> Box:
        """A box of the document in pixels of the sample page."""
        x1, y1, x2, y2 = box
        (across, down), (left, top) = self.pixels, self.origin
        return x1 * across + left, y1 * down + top, x2 * across + left, y2 * down + top


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the stamps of a kind compare with those of the sample page.

    `farthest_px` is the largest distance of an edge of a box, `similarity` the largest difference of a cosine.
    """

    found: int
    same_type: int
    farthest_px: float
    similarity: float
    pairs: tuple[tuple[Stamp, Stamp], ...]


def kinds() -> list[Kind]:
    """All of them."""
    return [*_pictures(), *_tiffs(), *_faxes(), *_pdfs()]


def analyze(pipeline: DocumentPipeline, kind: Kind) -> DocumentResult:
    """The stamps of a kind."""
    return pipeline(kind.data, password=kind.password)


def compare(kind: Kind, result: DocumentResult, sample: DocumentResult) -> Agreement:
    """Compares stamps whose boxes overlap the most."""
    (page,), (reference,) = result.pages, sample.pages
    pairs: list[tuple[int, int]] = []
    for number, stamp in enumerate(page.stamps):
        shares = [overlap(kind.in_sample(stamp.box), other.box) for other in reference.stamps]
        if shares and max(shares) > 0.5:
            pairs.append((number, int(np.argmax(shares))))
    edges = [
        abs(a - b)
        for ours, theirs in pairs
        for a, b in zip(kind.in_sample(page.stamps[ours].box), reference.stamps[theirs].box, strict=True)
    ]
    ours, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
    differences = np.abs(result.similarity[np.ix_(ours, ours)] - sample.similarity[np.ix_(theirs, theirs)])
    matched = tuple((page.stamps[one], reference.stamps[other]) for one, other in pairs)
    return Agreement(
        len(page.stamps),
        sum(a.type is b.type for a, b in matched),
        max(edges, default=float("inf")),
        float(differences.max(initial=0.0)),
        matched,
    )


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(0.0, width) * max(0.0, height)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def _sample() -> Image.Image:
    with Image.open(SAMPLE) as image:
        return image.convert("RGB")


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **{"dpi": (DPI, DPI), **options})
    return file.getvalue()


def _pictures() -> list[Kind]:
    image = _sample()
    turned = Image.Exif()
    turned[_ORIENTATION] = 6  # stored rows go down on the right
    sideways = image.transpose(Image.Transpose.ROTATE_90)
    return [
        Kind("JPEG, quality 85", _saved(image, "JPEG", quality=85), Loss.PIXELS),
        Kind("JPEG turned by EXIF", _saved(sideways, "JPEG", quality=95, exif=turned), Loss.PIXELS),
        Kind("PNG", _saved(image, "PNG", compress_level=1)),
        Kind(
            "PNG, 16-bit grey",
            _saved(Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257), "PNG"),
            Loss.COLOUR,
        ),
    ]


def _tiffs() -> list[Kind]:
    image = _sample()
    grey, sideways = np.asarray(image.convert("L")), image.transpose(Image.Transpose.ROTATE_90)
    return [
        Kind("TIFF, grey", _saved(image.convert("L"), "TIFF"), Loss.COLOUR),
        Kind("TIFF, grey, white is zero", _by_tifffile(~grey, photometric="miniswhite"), Loss.COLOUR),
        Kind("TIFF, RGB, LZW", _saved(image, "TIFF", compression="tiff_lzw")),
        Kind("TIFF, JPEG", _saved(image, "TIFF", compression="jpeg", quality=90), Loss.PIXELS),
        Kind("TIFF, 16-bit grey", _by_tifffile(grey.astype(np.uint16) * 257), Loss.COLOUR),
        Kind("TIFF, 16-bit RGB", _by_tifffile(np.asarray(image).astype(np.uint16) * 257)),
        Kind("TIFF, planes of colours", _by_tifffile(np.asarray(image).transpose(2, 0, 1), planarconfig="separate")),
        Kind("TIFF, CMYK", _saved(image.convert("CMYK"), "TIFF", compression="tiff_adobe_deflate")),
        Kind("TIFF turned by its tag", _saved(sideways, "TIFF", tiffinfo={_ORIENTATION: 6})),
    ]


def _by_tifffile(samples: NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    usual = {"photometric": "rgb" if samples.ndim == 3 else "minisblack", "rowsperstrip": 64}
    tifffile.imwrite(file, samples, resolution=(DPI, DPI), resolutionunit="INCH", **{**usual, **options})
    return file.getvalue()


def _faxes() -> list[Kind]:
    image = _sample().convert("L")
    made = []
    for x, y in ((204, 196), (204, 98)):
        size = round(image.width * x / DPI), round(image.height * y / DPI)
        ink = image.resize(size, Image.Resampling.LANCZOS).point(lambda level: 255 * (level > _INK)).convert("1")
        data = _saved(ink, "TIFF", compression="group4", dpi=(x, y))
        made.append(Kind(f"fax, G4, {x} x {y}", data, Loss.COLOUR, (image.width / size[0], image.height / size[1])))
    return made


def _in_user_space(box: Box) -> Box:
    x1, y1, x2, y2 = (side * _POINT for side in box)
    height = _sample().height * _POINT
    return x1, height - y2, x2, height - y1


def _turned_in_user_space(box: Box) -> Box:
    """Where /Rotate 90 takes x for y."""
    x1, y1, x2, y2 = (side * _POINT for side in box)
    return y1, x1, y2, x2


def _pdfs() -> list[Kind]:
    image = _sample()
    scan = img2pdf.convert(SAMPLE.read_bytes())
    drawn = (DPI / 200,) * 2  # what is no single scan is drawn at 200 an inch
    across, down = (side * _POINT for side in image.size)
    sideways = np.asarray(image.transpose(Image.Transpose.ROTATE_90))
    crop = [MARGIN_PX * _POINT, MARGIN_PX * _POINT, across - MARGIN_PX * _POINT, down - MARGIN_PX * _POINT]
    here = _in_user_space
    return [
        Kind("PDF of a scan", scan, to_user_space=here),
        Kind("PDF in five strips, with text", _strips(image), Loss.PIXELS, drawn, to_user_space=here),
        Kind(
            "PDF turned by /Rotate",
            _changed(_placed(sideways, down, across), Rotate=90),
            to_user_space=_turned_in_user_space,
        ),
        Kind(
            "PDF cut by /CropBox",
            _changed(scan, CropBox=Array(crop)),
            Loss.PLACE,
            origin=(MARGIN_PX, MARGIN_PX),
            to_user_space=here,
        ),
        Kind("PDF with a password", _encrypted(scan), password=PASSWORD, to_user_space=here),
    ]


def stamps_as_annotations(stamps: Sequence[Stamp]) -> Kind:
    """A page of text over which a program has laid the stamps of the sample page, each cut out of it."""
    pixels = np.asarray(_sample())
    with pikepdf.open(io.BytesIO(_strips(Image.new("RGB", _sample().size, "white")))) as document:
        page = document.pages[0]
        page.Annots = Array()
        for stamp in stamps:
            x1, y1, x2, y2 = stamp.crop_box
            left, bottom, right, top = _in_user_space(stamp.crop_box)
            appearance = document.make_stream(
                b"%f 0 0 %f 0 0 cm /Im Do" % (right - left, top - bottom),
                Type=Name.XObject,
                Subtype=Name.Form,
                BBox=Array([0, 0, right - left, top - bottom]),
                Resources=Dictionary(XObject=Dictionary(Im=_image(document, pixels[y1:y2, x1:x2]))),
            )
            rectangle = Array([left, bottom, right, top])
            made = Dictionary(Type=Name.Annot, Subtype=Name.Stamp, F=4, Rect=rectangle, AP=Dictionary(N=appearance))
            page.Annots.append(document.make_indirect(made))
        data = _written(document)
    drawn = (DPI / 200,) * 2
    return Kind(
        "PDF of text, stamps as annotations",
        data,
        Loss.PIXELS,
        drawn,
        source=Source.ANNOTATION,
        to_user_space=_in_user_space,
    )


def _image(document: pikepdf.Pdf, pixels: Pixels) -> pikepdf.Object:
    height, width = pixels.shape[:2]
    return document.make_stream(
        zlib.compress(np.ascontiguousarray(pixels).tobytes(), 1),
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=width,
        Height=height,
        ColorSpace=Name.DeviceRGB,
        BitsPerComponent=8,
        Filter=Name.FlateDecode,
    )


def _placed(pixels: Pixels, across: float, down: float, strips: int = 1, text: str = "") -> bytes:
    """A page of a picture in so many strips."""
    with pikepdf.new() as document:
        page = document.add_blank_page(page_size=(across, down))
        drawn, images, top = list[str](), Dictionary(), down
        for number, part in enumerate(np.array_split(pixels, strips)):
            height = len(part) * down / len(pixels)
            top -= height
            images[f"/Im{number}"] = _image(document, part)
            drawn.append(f"q {across:f} 0 0 {height:f} 0 {top:f} cm /Im{number} Do Q")
        font = Dictionary(F=Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
        page.Resources = Dictionary(XObject=images, Font=font)
        page.Contents = document.make_stream("\n".join([*drawn, text]).encode())
        return _written(document)


def _strips(image: Image.Image) -> bytes:
    across, down = (side * _POINT for side in image.size)
    lines = [f"1 0 0 1 60 {down - 20 - 3 * line:f} Tm (Received by fax, line {line}) Tj" for line in range(3)]
    return _placed(np.asarray(image), across, down, 5, f"BT /F 3 Tf {' '.join(lines)} ET")


def _changed(data: bytes, **keys: Any) -> bytes:
    with pikepdf.open(io.BytesIO(data)) as document:
        for key, value in keys.items():
            document.pages[0].obj[f"/{key}"] = value
        return _written(document)


def _encrypted(data: bytes) -> bytes:
    with pikepdf.open(io.BytesIO(data)) as document:
        return _written(document, encryption=pikepdf.Encryption(owner="owner", user=PASSWORD))


def _written(document: pikepdf.Pdf, **options: Any) -> bytes:
    file = io.BytesIO()
    document.save(file, **options)
    return file.getvalue()


def main() -> None:
    """Print the table."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--preset", type=Preset, default=Preset.FAST, choices=list(Preset))
    whole = DocumentPipeline.from_preset(flags.parse_args().preset)
    pipeline = DocumentPipeline(whole.detector, whole.segmenter, whole.embedder)
    sample = pipeline(SAMPLE.read_bytes())
    stamps = sample.pages[0].stamps
    print(
        "| kind of file | what it loses | stamps found | same type | farthest edge, pixels | similarities differ by |"
    )
    print("|---|---|---|---|---|---|")
    for kind in [*kinds(), stamps_as_annotations(stamps)]:
        found = compare(kind, analyze(pipeline, kind), sample)
        print(
            f"| {kind.name} | {kind.loss.value} | {found.found} of {len(stamps)} | {found.same_type} "
            f"| {found.farthest_px:.2f} | {found.similarity:.3f} |"
        )


if __name__ == "__main__":
    main()
