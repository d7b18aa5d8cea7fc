"""How soon a person sees boxes on a long document: `python -m bench.page`.

A PDF with the sample page on each of its pages is chosen on the page of `services.web`, in Debian's Chromium, before
the real stack on loopback. The seconds are from the choice to the first picture, to the first box on it, and to the end
of the document; the median of the rounds.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import img2pdf
from playwright.sync_api import Browser, sync_playwright

from services.stack.processes import running

_SAMPLE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
_CHROMIUM = "/usr/bin/chromium"
_TIMEOUT_MS = 600_000


def main() -> None:
    """Measures and prints."""
    flags = argparse.ArgumentParser(prog="python -m bench.page", description=__doc__)
    flags.add_argument("--pages", type=int, default=100, help="of the PDF")
    flags.add_argument(
        "--rounds", type=int, default=5, help="how often it is opened; the end is waited for in the last"
    )
    chosen = flags.parse_args()
    with tempfile.TemporaryDirectory() as folder, running({}, Path(folder) / "logs") as stack:
        stack.start_web(lambda starting, elapsed_s: None)
        document = Path(folder) / "document.pdf"
        document.write_bytes(img2pdf.convert([_SAMPLE.read_bytes()] * chosen.pages))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-quic"])
            url = f"http://{stack.address('web').target}/"
            opened(browser, url, document, waits=False)
            rounds = [opened(browser, url, document, waits=i + 1 == chosen.rounds) for i in range(chosen.rounds)]
            browser.close()
    size = f"{document_mib(chosen.pages):.0f} MiB"
    print(f"{chosen.pages} pages, {size}\n\n| seconds until | median | worst |\n|---|---|---|")
    for name, place in (("the first picture", 0), ("the first box", 1)):
        seconds = [each[place] for each in rounds]
        print(f"| {name} | {median(seconds):.2f} | {max(seconds):.2f} |")
    print(f"| the end | {rounds[-1][2]:.1f} | |")


def opened(browser: Browser, url: str, document: Path, *, waits: bool) -> tuple[float, float, float]:
    """Seconds to the first picture, the first box and, where it `waits`, the end; else the document is cancelled."""
    with browser.new_context(viewport={"width": 1360, "height": 860}) as context:
        context.set_default_timeout(_TIMEOUT_MS)
        page = context.new_page()
        page.goto(url)
        started_s = time.perf_counter()
        page.set_input_files("#file", document)
        box = page.locator(".box").first
        page.locator("#sheet").wait_for()
        picture_s = time.perf_counter() - started_s
        box.wait_for()
        box_s = time.perf_counter() - started_s
        if not waits:
            page.locator("#cancel").click()
        page.locator("#progress").wait_for(state="hidden")
        return picture_s, box_s, time.perf_counter() - started_s


def document_mib(pages: int) -> float:
    """Nearly all of a PDF of pictures are its pictures."""
    return pages * _SAMPLE.stat().st_size / 2**20


if __name__ == "__main__":
    main()
