"""Writes the documents of the vectors, from the seals of the sample page: `python -m clients.conformance.inputs`."""

import io
from pathlib import Path

import img2pdf
import pikepdf
from PIL import Image

HERE = Path(__file__).parent
SAMPLE = HERE.parents[1] / "docs/sample/page.jpg"

_FIRST = (225, 1261, 507, 1548)  # two impressions of one die
_SECOND = (803, 250, 1083, 531)
_OVAL = (748, 1359, 1003, 1554)
_PAGE = (800, 1130)  # pixels of a page of A4 at 97 dpi
_OPENS = "conformance"  # that of the vectors


def main() -> None:
    """Overwrites them. The bytes of the encrypted file differ each time."""
    sample = Image.open(SAMPLE)
    first, second, oval = (sample.crop(box) for box in (_FIRST, _SECOND, _OVAL))
    pages = [_page(_PAGE, [(first, (80, 100)), (second, (440, 640))]), _page(_PAGE, [(oval, (300, 420))])]
    folder = HERE / "inputs"
    folder.mkdir(exist_ok=True)
    (folder / "document.pdf").write_bytes(_pdf(pages))
    with pikepdf.open(io.BytesIO(_pdf(pages[1:]))) as pdf:
        pdf.save(folder / "locked.pdf", encryption=pikepdf.Encryption(user=_OPENS, owner=_OPENS))
    # Its mask and its crop together have more bytes than most clients receive by default.
    huge = first.resize((1900, 1934), Image.Resampling.BICUBIC)
    (folder / "large.jpg").write_bytes(_jpeg(_page((3800, 5400), [(huge, (1000, 1700))]), quality=30))


def _page(size: tuple[int, int], pasted: list[tuple[Image.Image, tuple[int, int]]]) -> Image.Image:
    page = Image.new("RGB", size, "white")
    for picture, corner in pasted:
        page.paste(picture, corner)
    return page


def _jpeg(page: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    page.save(file, "JPEG", quality=quality, dpi=(97, 97))
    return file.getvalue()


def _pdf(pages: list[Image.Image]) -> bytes:
    made: bytes = img2pdf.convert([_jpeg(page, quality=80) for page in pages], nodate=True, producer="", creator="")
    return made


if __name__ == "__main__":
    main()
