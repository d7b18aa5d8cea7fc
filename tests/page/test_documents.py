"""Documents as they come: of several pages, long, protected, broken, with names that somebody chose with care."""

import csv
import io

import img2pdf
import pikepdf
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.page.browser import analysed, boxes, upload
from tests.page.test_review import exported

PDF = "application/pdf"


def pdf(*pictures: bytes) -> bytes:
    made: bytes = img2pdf.convert(list(pictures))
    return made


@pytest.fixture(scope="module")
def blank() -> bytes:
    file = io.BytesIO()
    Image.new("L", (1240, 1754), 255).save(file, "PNG", dpi=(150, 150))
    return file.getvalue()


def test_the_pages_of_a_pdf(page: Page, sample: bytes, blank: bytes) -> None:
    upload(page, pdf(blank, sample, blank), "three.pdf", PDF)
    analysed(page)
    buttons = page.locator("#strip button")
    labels = [button.get_attribute("aria-label") for button in buttons.all()]
    assert labels == ["Page 1, 0 stamps", "Page 2, 4 stamps", "Page 3, 0 stamps"]
    expect(page.locator("#cards-note")).to_have_text("There is no stamp on this page.")
    page.locator("#strip-order").select_option("found")
    assert [button.get_attribute("data-page") for button in buttons.all()] == ["1", "0", "2"]
    buttons.first.click()
    expect(page.locator("#sheet")).to_have_attribute("alt", "Page 2 of 3")
    assert boxes(page)[0].startswith("2.1 · 1.00, round stamp")
    expect(page.locator("#sheet")).to_have_js_property("naturalHeight", 1600)
    page.keyboard.press("PageDown")
    expect(page.locator("#sheet")).to_have_attribute("alt", "Page 1 of 3")


def test_who_looks_closely_gets_all_pixels(page: Page, sample: bytes) -> None:
    upload(page, pdf(sample), "one.pdf", PDF)
    analysed(page)
    page.locator("#stage").focus()
    for _ in range(8):
        page.keyboard.press("+")
    expect(page.locator("#sheet")).to_have_js_property("naturalWidth", 1240)


def test_chosen_pages_only(page: Page, sample: bytes, blank: bytes) -> None:
    page.locator("#pages").fill("2 - 3")
    upload(page, pdf(sample, blank, sample), "three.pdf", PDF)
    analysed(page)
    labels = [button.get_attribute("aria-label") for button in page.locator("#strip button").all()]
    assert labels == ["Page 2, 0 stamps", "Page 3, 4 stamps"]


def test_a_password_is_asked_for_until_it_opens_the_document(page: Page, sample: bytes) -> None:
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf(sample))) as made:
        made.save(file, encryption=pikepdf.Encryption(owner="owner", user="secret"))
    upload(page, file.getvalue(), "locked.pdf", PDF)
    expect(page.locator("#ask-title")).to_have_text("Password of locked.pdf")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#ask-text")).to_contain_text("does not open the document")
    page.keyboard.type("secret")
    page.keyboard.press("Enter")
    expect(page.locator(".box")).to_have_count(4)
    analysed(page)
    expect(page.locator("#problem")).to_be_hidden()


def test_who_has_no_password_is_told(page: Page, sample: bytes) -> None:
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf(sample))) as made:
        made.save(file, encryption=pikepdf.Encryption(owner="owner", user="secret"))
    upload(page, file.getvalue(), "locked.pdf", PDF)
    page.locator("#ask").wait_for()
    page.keyboard.press("Escape")
    expect(page.locator("#problem-detail")).to_contain_text("protected with a password")


def test_a_long_document_is_shown_as_it_comes_and_can_be_cancelled(page: Page, sample: bytes) -> None:
    upload(page, pdf(*[sample] * 30), "long.pdf", PDF)
    expect(page.locator(".box").first).to_be_visible()
    expect(page.locator("#progress-text")).to_contain_text("of 30 pages")
    page.locator("#cancel").click()
    analysed(page)
    expect(page.locator("#status")).to_contain_text("Cancelled after")
    expect(page.locator(".box").first).to_be_visible()  # what had come stays
    page.locator("#tab-alike").click()
    expect(page.locator("#matrix-note")).to_contain_text("not analysed to its end")


def test_a_tiff_is_drawn_by_the_service(page: Page, sample: bytes, blank: bytes) -> None:
    file = io.BytesIO()
    with Image.open(io.BytesIO(sample)) as first, Image.open(io.BytesIO(blank)) as second:
        first.save(file, "TIFF", save_all=True, append_images=[second.convert("RGB")], dpi=(150, 150))
    upload(page, file.getvalue(), "scan.tiff", "image/tiff")
    analysed(page)
    expect(page.locator(".box")).to_have_count(4)
    expect(page.locator("#sheet")).to_have_js_property("naturalHeight", 1600)
    expect(page.locator("#strip button")).to_have_count(2)


def test_a_turned_photograph_is_shown_upright(page: Page, sample: bytes) -> None:
    file = io.BytesIO()
    with Image.open(io.BytesIO(sample)) as picture:
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by 90 degrees
        picture.rotate(90, expand=True).save(file, "JPEG", quality=95, exif=exif.tobytes())
    upload(page, file.getvalue(), "photo.jpg")
    analysed(page)
    sheet = page.locator("#sheet").bounding_box()
    assert sheet is not None
    assert sheet["height"] > sheet["width"]
    assert len(boxes(page)) == 4


def test_what_is_no_document_is_told_in_words(page: Page, sample: bytes) -> None:
    upload(page, b"this is no picture", "notes.txt", "text/plain")
    problem = page.locator("#problem")
    expect(problem).to_contain_text("This document cannot be read")
    expect(problem).to_contain_text("send a PDF, JPEG, PNG")
    expect(problem).to_contain_text("Request ")
    expect(page.locator("#problem-retry")).to_be_hidden()  # the same would fail again
    expect(problem).to_be_focused()
    upload(page, sample)
    analysed(page)
    expect(problem).to_be_hidden()
    expect(page.locator(".box")).to_have_count(4)


def test_pages_that_are_not_there(page: Page, sample: bytes) -> None:
    page.locator("#pages").fill("7")
    upload(page, pdf(sample), "one.pdf", PDF)
    expect(page.locator("#problem")).to_contain_text("These pages are not there")
    expect(page.locator("#problem")).to_contain_text("the file has 1")


def test_a_name_is_text_and_no_more(page: Page, sample: bytes) -> None:
    name = "=cmd|' <img src=x onerror=alert(1)>.jpg"
    upload(page, sample, name)
    analysed(page)
    expect(page.locator("#document-name")).to_have_text(name)
    saved, text = exported(page, "csv")
    assert saved == "cmd- -img src-x onerror-alert-1-reviewed.csv"
    assert next(iter(csv.DictReader(io.StringIO(text))))["file"] == f"'{name}"


def test_the_document_is_analysed_again_with_other_options(page: Page, sample: bytes) -> None:
    upload(page, sample)
    analysed(page)
    expect(page.locator("#threshold-value")).to_have_text("0.50")
    page.locator("#open").click()
    expect(page.locator("#work")).to_be_hidden()
    page.keyboard.press("Escape")  # back, with nothing lost
    expect(page.locator(".box")).to_have_count(4)
    page.keyboard.press("o")
    page.get_by_label("Accurate").check()
    page.locator("#again").click()
    analysed(page)
    expect(page.locator("#threshold-value")).to_have_text("0.79")
    expect(page.locator(".box")).to_have_count(4)
