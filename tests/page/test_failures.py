"""A service that does not answer, is busy, wants a token, or cannot be reached at all."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import img2pdf
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from services.stack.processes import Service, Stack, stop, wait_until_serving
from tests.page.browser import analysed, upload, visiting


@contextmanager
def serving(log: Path, *arguments: str) -> Iterator[str]:
    """HTTP of its own; its address."""
    service = Service("web", ["--port", "0", "--metrics-port", "0", *arguments], log)
    wait_until_serving([service], lambda starting, elapsed_s: None)
    assert service.address is not None
    try:
        yield f"http://{service.address.target}/"
    finally:
        stop([service])


@pytest.fixture
def gateway(stack: Stack) -> tuple[str, str]:
    return "--gateway", stack.address("gateway").target


@pytest.fixture
def guarded(gateway: tuple[str, str], tmp_path: Path) -> Iterator[str]:
    """HTTP that takes calls with tokens only."""
    tokens = tmp_path / "tokens"
    scopes = {"right": "analyse", "other": "registry-write"}
    lines = [f"{name} {sha256(f'token-{name}'.encode()).hexdigest()} {scope}\n" for name, scope in scopes.items()]
    tokens.write_text("".join(lines))
    with serving(tmp_path / "web.log", *gateway, "--tokens", str(tokens)) as url:
        yield url


def test_no_gateway_answers(browser: Browser, tmp_path: Path, sample: bytes) -> None:
    with serving(tmp_path / "web.log", "--gateway", "127.0.0.1:1") as url, visiting(browser, url) as page:
        upload(page, sample)
        expect(page.locator("#problem-title")).to_have_text("The service is not ready")
        expect(page.locator("#problem-retry")).to_be_visible()
        expect(page.locator("#progress")).to_be_hidden()


def test_a_document_is_too_large(browser: Browser, gateway: tuple[str, str], tmp_path: Path, sample: bytes) -> None:
    small = serving(tmp_path / "web.log", *gateway, "--max-body-mib", "1")
    with small as url, visiting(browser, url) as page:
        upload(page, sample + bytes(2**20))
        expect(page.locator("#problem-title")).to_have_text("This document is too large")
        expect(page.locator("#problem-detail")).to_contain_text("1,048,576 bytes")


def test_offline_and_back(page: Page, sample: bytes) -> None:
    page.context.set_offline(True)
    upload(page, sample)
    expect(page.locator("#problem-title")).to_have_text("You are offline")
    page.context.set_offline(False)
    page.locator("#problem-retry").click()
    expect(page.locator(".box")).to_have_count(4)
    analysed(page)


def answer(route: Route, status: int, detail: str, **more: object) -> None:
    problem = {"title": "", "status": status, "detail": detail, "request_id": "r-1", "violations": []}
    body = json.dumps(problem | {"retry_after_s": None} | more)
    route.fulfill(status=status, content_type="application/problem+json", body=body)


def test_a_token_is_asked_for_and_sent_with_each_call(browser: Browser, guarded: str, sample: bytes) -> None:
    with visiting(browser, guarded) as page:
        question = page.locator("#ask-title", has_text="Token needed")
        for token in ("token-wrong", "token-right"):
            question.wait_for()
            page.locator("#ask-input").fill(token)
            page.keyboard.press("Enter")
            expect(page.locator("#ask-input")).to_have_value("")  # closed, and asked anew perhaps at once
        question.wait_for(state="hidden")
        upload(page, img2pdf.convert([sample]), "one.pdf", "application/pdf")
        expect(page.locator(".box")).to_have_count(4)
        expect(page.locator("#sheet")).to_have_js_property("naturalHeight", 1600)
        analysed(page)
        stored = page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
        assert stored == [0, 0, ""]


def test_who_may_not_analyse_is_told(browser: Browser, guarded: str, sample: bytes) -> None:
    with visiting(browser, guarded) as page:
        page.locator("#ask").wait_for()
        page.keyboard.press("Escape")
        upload(page, sample)
        page.locator("#ask").wait_for()
        page.keyboard.press("Escape")
        expect(page.locator("#problem-title")).to_have_text("A token is needed")
        page.locator("#problem-retry").click()
        page.locator("#ask").wait_for()
        page.locator("#ask-input").fill("token-other")
        page.keyboard.press("Enter")
        expect(page.locator("#problem-title")).to_have_text("You may not do this here")
        expect(page.locator("#problem-retry")).to_be_hidden()


def test_a_busy_service_is_asked_again_when_it_says(browser: Browser, url: str, sample: bytes) -> None:
    with visiting(browser, url) as page:
        page.route("**/v1/analyze", lambda route: answer(route, 429, "the queue is full", retry_after_s=1.4))
        upload(page, sample)
        retry = page.locator("#problem-retry")
        expect(page.locator("#problem-title")).to_have_text("The service is busy")
        expect(retry).to_be_disabled()
        expect(retry).to_have_text("Try again")
        page.unroute("**/v1/analyze")
        retry.click()
        expect(page.locator(".box")).to_have_count(4)
        analysed(page)


def test_pictures_that_could_not_be_drawn_are_asked_for_again(browser: Browser, url: str, sample: bytes) -> None:
    calls: list[str] = []

    def busy_once(route: Route) -> None:
        calls.append(route.request.url)
        if len(calls) > 1:
            route.continue_()
        else:
            answer(route, 503, "other requests take all memory", retry_after_s=0.2)

    with visiting(browser, url) as page:
        page.route("**/v1/pages", busy_once)
        upload(page, img2pdf.convert([sample]), "one.pdf", "application/pdf")
        expect(page.locator("#sheet")).to_have_js_property("naturalHeight", 1600)
        analysed(page)
    assert len(calls) == 2


def test_pictures_that_are_refused_cost_no_stamp(browser: Browser, url: str, sample: bytes) -> None:
    with visiting(browser, url) as page:
        page.route("**/v1/pages", lambda route: answer(route, 400, "the document cannot be drawn"))
        upload(page, img2pdf.convert([sample]), "one.pdf", "application/pdf")
        expect(page.locator("#stage-note")).to_have_text("the document cannot be drawn")
        expect(page.locator(".box")).to_have_count(4)
        analysed(page)


def test_the_threshold_is_that_of_the_models_however_late_it_comes(browser: Browser, url: str, sample: bytes) -> None:
    with visiting(browser, url) as page:
        held: list[Route] = []
        page.route("**/v1/models", lambda route: held.append(route))
        page.reload()
        upload(page, sample)
        page.locator("#progress").wait_for()
        asked = held.pop()
        models = asked.fetch().json()["models"]
        asked.fulfill(json={"models": [{**model, "threshold": 0.87} for model in models]})
        expect(page.locator("#threshold-value")).to_have_text("0.87")
        analysed(page)


def test_an_answer_that_is_cut_keeps_what_had_come(browser: Browser, url: str, sample: bytes) -> None:
    def cut(route: Route) -> None:
        text = route.fetch().text().partition('{"type": "document"')[0]
        route.fulfill(status=200, content_type="application/x-ndjson", body=text)

    with visiting(browser, url) as page:
        page.route("**/v1/analyze", cut)
        upload(page, sample)
        expect(page.locator("#problem-title")).to_have_text("The answer was cut short")
        expect(page.locator(".box")).to_have_count(4)
