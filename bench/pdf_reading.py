"""What reading scans from a PDF costs: `python -m bench.pdf_reading`.

Time of one core for a page, as a ratio to Pillow's decoding of the same JPEG, and how much the process grows while it
reads many pages one after the other. The scan is the sample page at 300 pixels an inch, with a scanner's noise.
"""

import argparse
import io
import os
import time
from pathlib import Path
from statistics import median

import img2pdf
import numpy as np
from PIL import Image

from stamp2vec.imaging.formats import BrokenPage, decode_pages
from stamp2vec.imaging.formats.limits import Limits

SAMPLE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
A4_300 = (2480, 3508)


def main() -> None:
    """Print both."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--pages", type=int, default=300, help="that are read one after the other")
    args = flags.parse_args()
    scan = jpeg()
    single = img2pdf.convert(scan)
    rounds = [(seconds_of_pillow(scan), seconds_of_reading(single)) for _ in range(15)]
    alone = median(pillow for pillow, _ in rounds)
    read = median(reading for _, reading in rounds)
    print(f"one page: {read / alone:.2f} times Pillow's decoding of its JPEG ({len(scan) / 1e6:.1f} MB)")
    document = img2pdf.convert([scan] * args.pages)
    began, sizes = time.process_time(), []
    for page in decode_pages(document, Limits(max_pages=args.pages)):
        sizes.append(resident_mb())
        del page
    each = (time.process_time() - began) / args.pages
    print(
        f"{args.pages} pages, {len(document) / 1e6:.0f} MB: a page {each / alone:.2f} times Pillow's "
        f"decoding; from the second page to the last the process grew by {max(sizes) - sizes[1]:.0f} MB, a page has "
        f"{np.prod(A4_300) * 3 / 1e6:.0f} MB"
    )


def jpeg() -> bytes:
    """The sample page as a scanner of 300 pixels an inch writes it."""
    with Image.open(SAMPLE) as page:
        pixels = np.asarray(page.convert("RGB").resize(A4_300), np.int16)
    noise = np.random.default_rng(0).normal(0, 4, pixels.shape)
    file = io.BytesIO()
    Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=80, dpi=(300, 300))
    return file.getvalue()


def seconds_of_pillow(scan: bytes) -> float:
    """To an array of RGB."""
    began = time.process_time()
    np.asarray(Image.open(io.BytesIO(scan)).convert("RGB"))
    return time.process_time() - began


def seconds_of_reading(document: bytes) -> float:
    """The file opened and its one page read."""
    began = time.process_time()
    (page,) = decode_pages(document)
    assert not isinstance(page, BrokenPage)
    assert page.image.shape[:2] == A4_300[::-1]
    return time.process_time() - began


def resident_mb() -> float:
    """The memory of this process; Linux only."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


if __name__ == "__main__":
    main()
