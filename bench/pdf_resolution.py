"""How fine a PDF page without pixels of its own has to be drawn: `python -m bench.pdf_resolution`.

Pages with stamps made of lines, curves and letters, and a scan that is cut into strips, are drawn at several
resolutions and analysed; stamps, boxes and vectors are compared with those at the finest. SAME counts the stamps whose
ink is said to be that of the same die as at the finest.
"""

import argparse
import io
import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from stamp2vec.imaging.formats.pdf import render
from stamp2vec.pipelines import ComparisonPipeline, DocumentPipeline
from stamp2vec.values import Preset, StampType, Verdict

SAMPLE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
DPI = (72, 100, 150, 200, 300)
A4 = (210 * mm, 297 * mm)
WORDS = ("paid", "office", "of", "the", "registry", "trade", "company", "city", "notary", "copy", "customs", "north")
INKS = ((0.1, 0.15, 0.6), (0.75, 0.1, 0.15), (0.4, 0.15, 0.55))


def main() -> None:
    """Print the table."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--pages", type=int, default=6, help="how many pages are drawn")
    flags.add_argument("--preset", type=Preset, default=Preset.FAST, choices=list(Preset))
    args = flags.parse_args()
    torch.set_num_threads(1)
    whole = DocumentPipeline.from_preset(args.preset)
    analyze = DocumentPipeline(whole.detector, whole.segmenter, whole.embedder)
    compare = ComparisonPipeline.from_preset(args.preset)
    print(
        "| pages | pixels an inch | found, of those at 300 | others | same type | IoU | cosine | SAME | time to read |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, document in {"lines and letters": drawn_pages(args.pages), "strips of a scan": strips()}.items():
        results = {dpi: read_at(analyze, document, dpi) for dpi in DPI}
        reference, slowest = results[DPI[-1]]
        for dpi, (stamps, spent) in results.items():
            pairs = [(a, b) for a in stamps for b in reference if a.page == b.page and overlap(a.box, b.box) > 0.5]
            same = sum(compare(a.crop, b.crop).verdict is Verdict.SAME for a, b in pairs)
            print(
                f"| {name} | {dpi} | {len(pairs)} of {len(reference)} | {len(stamps) - len(pairs)} "
                f"| {sum(a.type == b.type for a, b in pairs)} | {spread([overlap(a.box, b.box) for a, b in pairs])} "
                f"| {spread([float(a.vector @ b.vector) for a, b in pairs])} | {same} | {spent / slowest:.2f} |"
            )


@dataclass(frozen=True, slots=True)
class Found:
    """A stamp; its box is a share of the page's sides, so that it does not depend on the resolution."""

    page: int
    box: tuple[float, ...]
    type: StampType
    vector: NDArray[np.float32]
    crop: NDArray[np.uint8]


def read_at(analyze: DocumentPipeline, document: bytes, dpi: int) -> tuple[list[Found], float]:
    """The stamps, and the time that reading the pages took."""
    with patch.object(render, "DRAWN_DPI", dpi), patch.object(render, "MAX_DRAWN_DPI", dpi):
        result = analyze(document, include_crops=True)
    found = []
    for page in result.pages:
        sides = np.array([page.width, page.height] * 2)
        for stamp in page.stamps:
            assert stamp.vector is not None
            assert stamp.crop is not None
            found.append(Found(page.index, tuple(stamp.box / sides), stamp.type, stamp.vector, stamp.crop))
    return found, result.timing.decode_ms


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(0.0, width) * max(0.0, height)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def spread(values: list[float]) -> str:
    """Median and least."""
    return f"{median(values):.3f}, least {min(values):.3f}" if values else "-"


def drawn_pages(count: int) -> bytes:
    """Pages of text with four stamps each: round, small and round, oval, rectangular."""
    random, file = Random(0), io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    for page in range(count):
        canvas.setFillColorRGB(0, 0, 0)
        canvas.setFont("Helvetica", 10)
        for line in range(45):
            canvas.drawString(20 * mm, (280 - 5.5 * line) * mm, " ".join(random.choices(WORDS, k=11)))
        places = random.sample([(x, y) for x in (50, 105, 160) for y in (45, 110, 175, 240)], 4)
        for place, (width, height, letters) in zip(
            places, ((38, 38, 3.0), (22, 22, 2.0), (42, 28, 2.6), (48, 20, 3.2))
        ):
            canvas.saveState()
            canvas.translate(place[0] * mm, place[1] * mm)
            canvas.rotate(random.uniform(-12, 12))
            ink = random.choice(INKS)
            canvas.setFillColorRGB(*ink)
            canvas.setStrokeColorRGB(*ink)
            text = f"{' '.join(random.choices(WORDS, k=4)).upper()} {page}"
            (framed if height == 20 else ringed)(canvas, width, height, letters, text)
            canvas.restoreState()
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def ringed(canvas: Canvas, width: float, height: float, letters: float, text: str) -> None:
    """Two rings of millimetres, with text along the outer and a date in the middle."""
    for inset, line in ((0, 0.5), (letters * 1.6, 0.25)):
        canvas.setLineWidth(line * mm)
        x, y = width / 2 - inset, height / 2 - inset
        canvas.ellipse(-x * mm, -y * mm, x * mm, y * mm)
    canvas.setFont("Helvetica-Bold", letters * 1.3 * mm)
    for number, letter in enumerate(text):
        angle = math.pi * (1 - number / len(text)) * 1.5 - math.pi / 4
        canvas.saveState()
        reach = letters * 1.3
        canvas.translate((width / 2 - reach) * math.cos(angle) * mm, (height / 2 - reach) * math.sin(angle) * mm)
        canvas.rotate(math.degrees(angle) - 90)
        canvas.drawCentredString(0, 0, letter)
        canvas.restoreState()
    canvas.setFont("Helvetica", letters * 1.2 * mm)
    canvas.drawCentredString(0, -letters / 2 * mm, "12.11.26")


def framed(canvas: Canvas, width: float, height: float, letters: float, text: str) -> None:
    """A frame of millimetres around three lines."""
    canvas.setLineWidth(0.5 * mm)
    canvas.rect(-width / 2 * mm, -height / 2 * mm, width * mm, height * mm)
    canvas.setFont("Helvetica-Bold", letters * 1.2 * mm)
    for y, line in zip((4, -1.5, -7), (text[:18], "RECEIVED", "12 NOV 2026")):
        canvas.drawCentredString(0, y * mm, line)


def strips() -> bytes:
    """The sample page as ten pictures, one below the other, as some scanners write them."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    with Image.open(SAMPLE) as page:
        edges = [page.height * number // 10 for number in range(11)]
        for top, bottom in itertools.pairwise(edges):
            part = ImageReader(page.crop((0, top, page.width, bottom)))
            scale = A4[1] / page.height
            canvas.drawImage(part, 0, A4[1] - bottom * scale, A4[0], (bottom - top) * scale)
    canvas.save()
    return file.getvalue()


if __name__ == "__main__":
    main()
