"""The paper that stamps are struck on: pages typeset by Chromium and pages of free manuals, cached as JPEG.

python -m training.synth.backgrounds --count 1200 --out ~/.cache/stamp2vec/backgrounds
"""

from __future__ import annotations

import argparse
import gzip
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from training.synth.fonts import Split

DEFAULT_FOLDER = Path("~/.cache/stamp2vec/backgrounds").expanduser()
DPI = 150
_CHROMIUM = [
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-file-access-from-files",
    "--no-pdf-header-footer",
]
_PAGES_A_DOCUMENT = 60
_MANUALS = {
    Split.TRAIN: (
        "debian/FAQ/debian-faq.ru.pdf.gz",
        "debian/FAQ/debian-faq.en.pdf.gz",
        "maint-guide-vi/maint-guide.vi.pdf",
        "maint-guide-zh-cn/maint-guide.zh-cn.pdf",
        "auto-multiple-choice/auto-multiple-choice.fr.pdf",
        "auto-multiple-choice/latex/sample-amc.pdf",
        "freefem-doc/freefem.pdf",
    ),
    Split.TEST: (
        "maint-guide-ru/maint-guide.ru.pdf",
        "debian/FAQ/debian-faq.zh-cn.pdf.gz",
        "auto-multiple-choice/auto-multiple-choice.ja.pdf",
    ),
}

Page = npt.NDArray[np.uint8]


class Backgrounds:
    """A set of stamp-free pages, uint8 (H, W, 3) RGB at 150 dpi, drawn from by index."""

    def __init__(self, sources: Sequence[Path | Page]):
        if not sources:
            raise ValueError(
                "no background pages: run `python -m training.synth.backgrounds` or use Backgrounds.drawn()"
            )
        self._sources = sources

    @classmethod
    def cached(cls, split: Split, folder: Path = DEFAULT_FOLDER) -> Self:
        """Open the cache made by this module's command line.

        Raises ValueError if the cache has no pages for ``split``.
        """
        return cls(sorted((folder / split.value).glob("*.jpg")))

    @classmethod
    def drawn(cls, count: int = 6, seed: int = 0) -> Self:
        """Draw ``count`` plain A5 pages with Pillow alone: for tests and previews, without Chromium or a cache."""
        return cls([_drawn_page(np.random.default_rng([seed, index])) for index in range(count)])

    def __len__(self) -> int:
        return len(self._sources)

    def pick(self, rng: np.random.Generator) -> Page:
        """Return a fresh, writable copy of one page."""
        source = self._sources[int(rng.integers(len(self._sources)))]
        if isinstance(source, Path):
            with Image.open(source) as image:
                return np.array(image.convert("RGB"))
        return source.copy()


def _drawn_page(rng: np.random.Generator) -> Page:
    page = Image.new("RGB", (874, 1240), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(18)
    for y in range(90, 1150, 28):
        if rng.random() < 0.85:
            words = ["x" * int(rng.integers(1, 10)) for _ in range(int(rng.integers(3, 11)))]
            draw.text((80, y), " ".join(words), fill=(20, 20, 25), font=font)
    draw.rectangle((80, 400, 790, 620), outline="black", width=2)
    return np.array(page)


def print_pages(html: str, folder: Path) -> Path:
    """Print an HTML document with headless Chromium and return the PDF's path.

    Raises RuntimeError if Chromium is missing or makes no PDF.
    """
    source, target = folder / "pages.html", folder / "pages.pdf"
    source.write_text(html, encoding="utf-8")
    command = [*_CHROMIUM, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={target}", source.as_uri()]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=600)
    except FileNotFoundError as error:
        raise RuntimeError("chromium is not installed: run `make system-training`") from error
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"chromium could not print the page templates: {error.stderr.decode()[-500:]}") from error
    if not target.exists():
        raise RuntimeError("chromium printed no PDF: run its command by hand to see why")
    return target


def rasterise(pdf: Path, indices: Sequence[int] | None = None) -> Iterator[Image.Image]:
    """Yield the pages of a PDF (all, or those of ``indices``) as RGB images at 150 dpi."""
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    for index in range(len(document)) if indices is None else indices:
        yield document[index].render(scale=DPI / 72).to_pil().convert("RGB")
    document.close()


def typeset(rng: np.random.Generator, split: Split, count: int) -> Iterator[Image.Image]:
    """Yield ``count`` pages printed from the templates of ``split``."""
    from training.synth.templates import document

    for start in range(0, count, _PAGES_A_DOCUMENT):
        with tempfile.TemporaryDirectory() as folder:
            html = document(rng, split, min(_PAGES_A_DOCUMENT, count - start))
            yield from rasterise(print_pages(html, Path(folder)))


def manual_pages(rng: np.random.Generator, split: Split, count: int) -> Iterator[Image.Image]:
    """Yield up to ``count`` pages of the Debian manuals that are installed."""
    import pypdfium2

    manuals = [path for name in _MANUALS[split] if (path := Path("/usr/share/doc") / name).exists()]
    for manual in manuals:
        with tempfile.TemporaryDirectory() as folder:
            pdf = Path(folder) / "manual.pdf"
            stored = manual.read_bytes()
            pdf.write_bytes(gzip.decompress(stored) if manual.suffix == ".gz" else stored)
            total = len(pypdfium2.PdfDocument(pdf))
            wanted = min(total, -(-count // len(manuals)))
            yield from rasterise(pdf, sorted(int(i) for i in rng.choice(total, wanted, replace=False)))


def build(folder: Path, split: Split, count: int, seed: int) -> int:
    """Add ``count`` pages of ``split`` to the cache, a tenth of them from manuals; return how many pages it now has."""
    target = folder / split.value
    target.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, 0 if split is Split.TRAIN else 1])
    manuals = count // 10
    for kind, pages in (("t", typeset(rng, split, count - manuals)), ("m", manual_pages(rng, split, manuals))):
        for index, page in enumerate(pages):
            page.save(target / f"{seed:04d}{kind}{index:05d}.jpg", quality=92, subsampling=0)
    return len(list(target.glob("*.jpg")))


def main() -> None:
    """Build the cache: ``--count`` training pages and a tenth as many held-out test pages."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=DEFAULT_FOLDER)
    parser.add_argument("--count", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0, help="another seed adds pages; the same one overwrites them")
    options = parser.parse_args()
    for split, count in ((Split.TRAIN, options.count), (Split.TEST, max(options.count // 10, 1))):
        print(f"{split.value}: {build(options.out, split, count, options.seed)} pages in {options.out / split.value}")


if __name__ == "__main__":
    main()
