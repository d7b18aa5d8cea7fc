"""The pictures of the page in the documentation: `python -m tests.page.screenshots` draws them anew."""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from services.stack.processes import running
from stamp2vec.client import Client
from tests.conftest import ROOT
from tests.page.browser import analysed, cell, launch, pair_of, upload, visiting

FOLDER = ROOT / "docs/sample"
_VIEWPORT = {"width": 1280, "height": 800}
_STEP = 5  # of levels: nobody sees it, and the file is a third smaller


def main() -> int:
    """Starts the real stack; the exit code is 0."""
    sample = (FOLDER / "page.jpg").read_bytes()
    with tempfile.TemporaryDirectory() as logs, running({}, Path(logs)) as stack, sync_playwright() as playwright:
        stack.start_web(lambda starting, elapsed_s: None)
        with Client(stack.address("gateway").target) as client:
            pair = pair_of(client.analyze(sample))
        browser = launch(playwright, Path("/usr/bin/chromium"))
        url = f"http://{stack.address('web').target}/"
        with visiting(browser, url, viewport=_VIEWPORT) as page:
            upload(page, sample)
            analysed(page)
            page.keyboard.press("n")
            _save(page, "page-stamps.png")
            page.locator("#tab-alike").click()
            cell(page, pair).click()
            page.locator("#compare-verdict.same").wait_for()
            page.locator("input[value=differences]").check()
            page.mouse.move(0, 0)
            _save(page, "page-compare.png")
        browser.close()
    return 0


def _save(page: Page, name: str) -> None:
    levels = [min(255, round(level / _STEP) * _STEP) for level in range(256)]
    with Image.open(io.BytesIO(page.screenshot(animations="disabled"))) as taken:
        taken.convert("RGB").point(levels * 3).save(FOLDER / name, optimize=True)
    print(f"wrote {FOLDER / name}")


if __name__ == "__main__":
    sys.exit(main())
