"""Everybody can use it: keys alone, small screens, dark rooms, screen readers; and nothing leaves the service."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.conftest import ROOT, require
from tests.page.browser import analysed, cell, upload, visiting

AXE = ROOT / "services/web/page/node_modules/axe-core/axe.min.js"


def test_keys_alone_are_enough(page: Page, sample: bytes) -> None:
    chosen: FilePayload = {"name": "page.jpg", "mimeType": "image/jpeg", "buffer": sample}
    # Heard from the start: a chooser that opens just as one begins to listen is closed by Chromium.
    page.on("filechooser", lambda chooser: chooser.set_files(chosen))
    while page.evaluate("document.activeElement.id") != "choose":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator(".box").first.wait_for()
    analysed(page)
    page.keyboard.press("n")
    expect(page.locator(".box").first).to_be_focused()
    page.keyboard.press("a")
    expect(page.locator(".box").nth(1)).to_be_focused()
    page.keyboard.press("m")
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.getAttribute('role')") != "gridcell":
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.locator("[role=gridcell]:focus")).to_have_attribute("aria-label", re.compile("^Stamps 1 and 3: "))
    page.keyboard.press("Enter")
    expect(page.locator("#compare-b")).to_have_value("2")
    page.keyboard.press("Escape")
    expect(page.locator("[role=gridcell]:focus")).to_have_count(1)  # back where it was
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#panel-stamps') !== null")


@pytest.mark.parametrize("width", [375, 320])
def test_a_phone_scrolls_in_one_direction_only(
    browser: Browser, url: str, sample: bytes, pair: tuple[int, int], width: int
) -> None:
    options: dict[str, Any] = {"viewport": {"width": width, "height": 720}, "has_touch": True, "is_mobile": True}
    with visiting(browser, url, **options) as page:
        assert scrolls(page) == [False, width]
        upload(page, sample)
        analysed(page)
        assert scrolls(page) == [False, width]
        page.locator(".box").nth(1).tap()
        expect(page.locator(".card.selected .card-name")).to_have_text("Stamp 2")
        page.locator("#tab-alike").tap()
        assert scrolls(page) == [False, width]
        cell(page, pair).tap()
        expect(page.locator("#compare-verdict")).to_contain_text("of one die")
        inside = page.locator("#compare").evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")
        assert inside


def scrolls(page: Page) -> list[object]:
    found: list[object] = page.evaluate("[document.documentElement.scrollWidth > innerWidth, innerWidth]")
    return found


def test_two_fingers_zoom(browser: Browser, url: str, sample: bytes) -> None:
    with visiting(browser, url, viewport={"width": 375, "height": 720}, has_touch=True, is_mobile=True) as page:
        upload(page, sample)
        analysed(page)
        stage, sheet = page.locator("#stage").bounding_box(), page.locator("#sheet").bounding_box()
        assert stage is not None
        assert sheet is not None
        x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
        devtools = page.context.new_cdp_session(page)

        def touch(kind: str, apart: float) -> None:
            points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}] if apart else []
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", 30)
        for apart in range(35, 95, 5):
            touch("touchMove", apart)
        touch("touchEnd", 0)
        larger = page.locator("#sheet").bounding_box()
        assert larger is not None
        assert larger["width"] == pytest.approx(sheet["width"] * 3, rel=0.2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, url: str, sample: bytes, pair: tuple[int, int], scheme: str) -> None:
    """Contrast, names, roles, order: the rules of WCAG 2.2 that a program can check."""
    source = require(AXE, "make services/web/page/node_modules").read_text()
    with visiting(browser, url, color_scheme=scheme, reduced_motion="reduce") as page:
        page.evaluate(source)
        assert not (found := violations(page)), found
        upload(page, sample)
        analysed(page)
        for summary in page.locator(".card").first.locator("summary").all():
            summary.click()
        page.keyboard.press("n")
        page.keyboard.press("a")
        page.keyboard.press("r")
        assert not (found := violations(page)), found
        page.locator("#tab-alike").click()
        assert not (found := violations(page)), found
        cell(page, pair).click()
        page.locator("input[value=differences]").check()
        expect(page.locator("#compare-canvas")).to_be_visible()
        assert not (found := violations(page)), found
        page.keyboard.press("Escape")
        for name in ("help", "export"):
            page.locator(f"#{name}-open").click()
            assert not (found := violations(page)), found
            page.keyboard.press("Escape")
        upload(page, b"no document", "no.txt", "text/plain")
        page.locator("#problem").wait_for()
        assert not (found := violations(page)), found


def violations(page: Page) -> list[str]:
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    found = page.evaluate(f"axe.run(document, {json.dumps(rules)})")["violations"]
    return [f"{each['id']}: {[node['html'][:160] for node in each['nodes']]}" for each in found]


def test_dark_rooms_get_a_dark_page(browser: Browser, url: str) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        with visiting(browser, url, color_scheme=scheme) as page:
            grounds[scheme] = page.evaluate(
                "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
            )
    assert min(grounds["light"]) > 200
    assert max(grounds["dark"]) < 60


def test_progress_is_said(page: Page, sample: bytes) -> None:
    upload(page, sample)
    expect(page.locator("#status")).to_have_text("Done: 4 stamps on 1 page.")
    assert page.locator("#status").get_attribute("aria-live") == "polite"


def test_below_the_path_of_a_proxy(browser: Browser, url: str, sample: bytes) -> None:
    """The proxy takes the path away before it passes the call on."""
    with visiting(browser, url) as page:
        page.route("**/stamps/**", lambda route: route.continue_(url=route.request.url.replace("/stamps/", "/")))
        page.goto(f"{url}stamps/")
        upload(page, sample)
        expect(page.locator(".box")).to_have_count(4)
        analysed(page)


def test_the_browser_keeps_the_page_from_calling_elsewhere(browser: Browser, url: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        page.evaluate("addEventListener('securitypolicyviolation', event => document.title = event.violatedDirective)")
        page.evaluate("fetch('http://127.0.0.1:1/').catch(() => {})")
        expect(page).to_have_title("connect-src")
        page.evaluate("document.body.append(Object.assign(document.createElement('iframe'), {src: '/'}))")
        expect(page).to_have_title("frame-src")
