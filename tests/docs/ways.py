"""One stamp four ways, for the README: `python -m tests.docs.ways` draws the picture anew.

The oval stamp of the sample page by the models of the accurate preset: on the page, its ink alone, the page without it,
and its strips with what was read.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from stamp2vec.files import write_whole
from stamp2vec.imaging import annotate, decode_image
from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.texts import TextLine
from stamp2vec.values import PageResult, Preset, Stamp, StampType
from tests.conftest import ROOT

FOLDER = ROOT / "docs/sample"
_AROUND_PX = 48  # of the page beside the stamp
_GAP_PX, _ROW_PX = 24, 32
_CHECKS_PX, _CHECKS = 12, (255, 226)
_TEXT, _FAINT = (30, 30, 30), (110, 110, 110)


def main() -> None:
    """Write docs/sample/ways.png."""
    file = (FOLDER / "page.jpg").read_bytes()
    (page,) = DocumentPipeline.from_preset(Preset.ACCURATE)(
        file,
        include_vectors=False,
        include_text=True,
        include_unrolled=True,
        include_clean_stamps=True,
        include_erased_page=True,
    ).pages
    oval = next(stamp for stamp in page.stamps if stamp.type is StampType.OVAL)
    drawn = picture(decode_image(file), page, oval)
    written = io.BytesIO()
    drawn.quantize(256, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    write_whole(FOLDER / "ways.png", written.getvalue())


def picture(image: NDArray[np.uint8], page: PageResult, stamp: Stamp) -> Image.Image:
    """A stamp of a page, uint8 (H, W, 3), of which all was asked for."""
    assert page.erased is not None
    x1, y1, x2, y2 = stamp.crop_box
    left, top = max(0, x1 - _AROUND_PX), max(0, y1 - _AROUND_PX)
    window = np.s_[top : y2 + _AROUND_PX, left : x2 + _AROUND_PX]
    found = image[window]
    box = np.array([stamp.box]) - [left, top, left, top]
    panels = {
        "found on the page": annotate(found, box, [stamp.score], [stamp.type]),
        "its ink alone": _on_checks(stamp, found.shape[:2], (x1 - left, y1 - top)),
        "erased": page.erased[window],
    }
    height, width = found.shape[:2]
    strips = _stacked(stamp)
    lines = [] if stamp.text is None else [_said(line) for line in stamp.text.lines]
    font = ImageFont.load_default(size=22)
    beside = strips.width + 3 * _GAP_PX
    below = max(strips.height, _ROW_PX * len(lines))
    right = max(3 * (width + _GAP_PX), beside + round(max(map(font.getlength, lines), default=0)))
    size = (right + _GAP_PX, height + below + 2 * _ROW_PX + 3 * _GAP_PX)
    whole = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(whole)
    for column, (caption, panel) in enumerate(panels.items()):
        x = _GAP_PX + column * (width + _GAP_PX)
        draw.text((x, _GAP_PX), caption, _FAINT, font)
        whole.paste(Image.fromarray(panel), (x, _GAP_PX + _ROW_PX))
        draw.rectangle((x - 1, _GAP_PX + _ROW_PX - 1, x + width, _GAP_PX + _ROW_PX + height), outline=(200, 200, 200))
    y = 2 * _GAP_PX + _ROW_PX + height
    draw.text((_GAP_PX, y), "its rings and lines, straight", _FAINT, font)
    draw.text((beside, y), "read, with its probability", _FAINT, font)
    whole.paste(strips, (_GAP_PX, y + _ROW_PX))
    for row, line in enumerate(lines, 1):
        draw.text((beside, y + row * _ROW_PX), line, _TEXT, font)
    return whole


def _said(line: TextLine) -> str:
    return f"{line.confidence:.2f}  {line.text}{' ?' if line.doubtful else ''}"


def _on_checks(stamp: Stamp, size: tuple[int, int], at: tuple[int, int]) -> NDArray[np.uint8]:
    """The ink at its place in a picture of this size, with checks where it is transparent."""
    assert stamp.transparent is not None
    rows, columns = np.indices(size) // _CHECKS_PX
    checks = np.where((rows + columns) % 2, *_CHECKS).astype(np.uint8)
    picture = Image.fromarray(checks).convert("RGB")
    ink = Image.fromarray(stamp.transparent)
    picture.paste(ink, at, ink)
    return np.asarray(picture)


def _stacked(stamp: Stamp) -> Image.Image:
    """The strips one below the other."""
    pictures = [Image.fromarray(strip.pixels) for strip in stamp.unrolled]
    stacked = Image.new(
        "RGB", (max(each.width for each in pictures), sum(each.height + 6 for each in pictures)), "white"
    )
    y = 0
    for each in pictures:
        stacked.paste(each, (0, y))
        y += each.height + 6
    return stacked


if __name__ == "__main__":
    main()
