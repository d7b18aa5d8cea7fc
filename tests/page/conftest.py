"""The bundled models behind HTTP, and a browser, started once for all tests here.

They end with the last of these: playwright has an event loop run as long as it lives, beside which no asynchronous test
of another folder can have its own.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from services.stack.processes import Stack, running
from stamp2vec.client import Client
from stamp2vec.values import DocumentResult
from tests.conftest import ROOT, require
from tests.page import browser as chromium
from tests.page.browser import TIMEOUT_S, analysed, pair_of, upload, visiting


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running({}, tmp_path_factory.mktemp("logs")) as started:
        started.start_web(lambda starting, elapsed_s: None)
        yield started


@pytest.fixture(scope="package")
def url(stack: Stack) -> str:
    return f"http://{stack.address('web').target}/"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    program = require("chromium", "sudo make system")
    expect.set_options(timeout=TIMEOUT_S * 1000)
    with sync_playwright() as playwright, closing(chromium.launch(playwright, Path(program))) as launched:
        yield launched


@pytest.fixture(scope="package")
def sample() -> bytes:
    """A letter with five stamps, two of them of one die; the fast models find four of them."""
    return (ROOT / "docs/sample/page.jpg").read_bytes()


@pytest.fixture(scope="package")
def found(stack: Stack, sample: bytes) -> DocumentResult:
    """What the gateway says of the sample page."""
    with Client(stack.address("gateway").target) as client:
        return client.analyze(sample)


@pytest.fixture(scope="package")
def pair(found: DocumentResult) -> tuple[int, int]:
    """The numbers of the two stamps of one die, from 1."""
    return pair_of(found)


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """Before a document."""
    with visiting(browser, url) as opened:
        yield opened


@pytest.fixture
def shown(page: Page, sample: bytes) -> Page:
    """With the sample page analysed."""
    upload(page, sample)
    analysed(page)
    return page
