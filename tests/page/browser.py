"""Chromium with the page of a running service, and what must be true of every visit to it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Playwright, Request

from stamp2vec.values import DocumentResult

TIMEOUT_S = 60.0

_ARGUMENTS = (
    "--no-sandbox",  # tests may run as root, for whom there is none; they open files of their own only
    "--disable-quic",
    "--disable-background-networking",
    "--disable-dev-shm-usage",  # it is small in containers
)


def launch(playwright: Playwright, chromium: Path) -> Browser:
    """Debian's Chromium, without a window."""
    environment: dict[str, str | float | bool] = {
        name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")
    }
    return playwright.chromium.launch(
        executable_path=str(chromium), args=list(_ARGUMENTS), env=environment, timeout=TIMEOUT_S * 1000
    )


class Faults:
    """What a visit must have none of: errors, violations of the content security policy, calls elsewhere."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        """Follows all pages of the context; `origin` is the only one that they may call."""
        self._origin = origin
        self.found: list[str] = []
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.found.append(f"error: {error.error}"))
        context.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        # Chromium itself reports each status of 400 and above, of which some tests are about.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.found.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "blob:", "data:")):
            self.found.append(f"request: {request.url}")


@contextmanager
def visiting(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """The page, freshly opened, as the only one of a context with these options; a fault fails the test."""
    with browser.new_context(**{"viewport": {"width": 1360, "height": 860}, **options}) as context:
        context.set_default_timeout(TIMEOUT_S * 1000)
        faults = Faults(context, url)
        page = context.new_page()
        page.goto(url)
        yield page
        assert not faults.found, faults.found


def upload(page: Page, content: bytes, name: str = "page.jpg", kind: str = "image/jpeg") -> None:
    """Chooses a file, and waits for nothing."""
    page.set_input_files("#file", {"name": name, "mimeType": kind, "buffer": content})


def analysed(page: Page) -> None:
    """Returns when the document is done."""
    page.locator("#progress").wait_for(state="hidden")
    page.locator("#work").wait_for()


def pair_of(found: DocumentResult) -> tuple[int, int]:
    """The numbers of the only two stamps of one die, from 1."""
    groups = [stamp.die_group for stamp in found.pages[0].stamps]
    first, second = (number for number, group in enumerate(groups, 1) if groups.count(group) == 2)
    return first, second


def cell(page: Page, pair: tuple[int, int]) -> Locator:
    """The cell of two stamps in the table of how alike they are."""
    return page.locator(f"[role=gridcell][aria-label^='Stamps {pair[0]} and {pair[1]}:']")


def boxes(page: Page) -> list[str]:
    """What the boxes of the page say to who cannot see them."""
    labels: list[str] = page.locator(".box").evaluate_all("boxes => boxes.map(box => box.getAttribute('aria-label'))")
    return labels
