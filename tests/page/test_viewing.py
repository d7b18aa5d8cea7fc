"""A document on the screen: boxes, cards, zoom, selection, filters."""

import csv
import io
import json
import re

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from stamp2vec.values import DocumentResult
from tests.page.browser import analysed, boxes, upload
from tests.page.test_review import exported


def area(target: Locator) -> FloatRect:
    found = target.bounding_box()
    assert found is not None
    return found


def test_boxes_lie_where_the_gateway_says(shown: Page, found: DocumentResult, pair: tuple[int, int]) -> None:
    (expected,) = found.pages
    die = "ABCD"[expected.stamps[pair[0] - 1].die_group - 1]
    assert boxes(shown) == [
        f"{number} · {stamp.score:.2f}, {stamp.type} stamp" + (f", die {die}" if number in pair else "")
        for number, stamp in enumerate(expected.stamps, 1)
    ]
    sheet = area(shown.locator("#sheet"))
    scale = sheet["width"] / expected.width
    for number, stamp in enumerate(expected.stamps):
        box = area(shown.locator(".box").nth(number))
        x1, y1, x2, y2 = stamp.box
        assert box["x"] - sheet["x"] == pytest.approx(x1 * scale, abs=0.5)
        assert box["y"] - sheet["y"] == pytest.approx(y1 * scale, abs=0.5)
        assert box["width"] == pytest.approx((x2 - x1) * scale, abs=0.5)
        assert box["height"] == pytest.approx((y2 - y1) * scale, abs=0.5)


def test_a_card_says_what_is_known_of_a_stamp(shown: Page, pair: tuple[int, int]) -> None:
    card = shown.locator(".card").nth(pair[0] - 1)
    expect(card).to_contain_text("round")
    expect(card).to_contain_text("blue")
    expect(card).to_contain_text(re.compile("4[12] × 4[12] mm"))
    expect(card).to_contain_text(f", as {pair[1]}")
    widths = card.locator("img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert len(widths) == 2
    assert min(widths) > 100
    card.locator("summary", has_text="Vector").click()
    expect(card.locator(".plot")).to_have_attribute("aria-label", r"Bar plot of 128 numbers from " + _range(card))


def test_the_text_of_a_stamp_is_straightened(shown: Page, pair: tuple[int, int]) -> None:
    card = shown.locator(".card").nth(pair[0] - 1)
    card.locator("summary", has_text="Straightened text").click()
    strips = card.locator(".strips img")
    strips.first.wait_for()
    labels = strips.evaluate_all("images => images.map(image => image.alt)")
    assert labels[:2] == ["Ring of text, read clockwise", "Ring of text, read counterclockwise"]
    assert labels[-1] == "Lines of text"
    width, height = strips.first.evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert width > 8 * height


def test_the_page_is_shown_without_its_stamps(shown: Page) -> None:
    sheet, button = shown.locator("#sheet"), shown.locator("#without-stamps")
    blue = """image => {
        const canvas = Object.assign(document.createElement("canvas"), {width: 1240, height: 1754});
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0, 1240, 1754);
        const {data} = context.getImageData(246, 1282, 240, 246);
        let count = 0;
        for (let i = 0; i < data.length; i += 4) count += data[i + 2] - data[i] > 40;
        return count;
    }"""
    before = sheet.evaluate(blue)
    button.click()
    expect(button).to_have_attribute("aria-busy", "false")
    expect(button).to_have_attribute("aria-pressed", "true")
    sheet.evaluate("image => image.decode()")
    assert sheet.evaluate(blue) < 0.05 * before
    shown.keyboard.press("w")
    expect(button).to_have_attribute("aria-pressed", "false")
    sheet.evaluate("image => image.decode()")
    assert sheet.evaluate(blue) == before


def test_stamps_are_read_where_that_is_asked_for(page: Page, sample: bytes, pair: tuple[int, int]) -> None:
    page.get_by_label("Read the text of stamps").check()
    upload(page, sample)
    analysed(page)
    text = page.locator(".card").nth(pair[0] - 1).get_by_role("group", name="Text", exact=True)
    expect(text.locator("li:not(.doubtful)").first).to_contain_text("Northwind Electronics")
    assert "Northwind Electronics" in " / ".join(json.loads(exported(page, "json")[1])["stamps"][pair[0] - 1]["text"])
    rows = list(csv.DictReader(io.StringIO(exported(page, "csv")[1])))
    assert "Northwind Electronics" in rows[pair[0] - 1]["text"]


def _range(card: Locator) -> str:
    label = card.locator(".plot").get_attribute("aria-label") or ""
    return label.partition(" from ")[2]


def test_a_box_selects_its_card_and_a_card_its_box(shown: Page) -> None:
    shown.locator(".box").nth(2).click()
    expect(shown.locator(".card.selected .card-name")).to_have_text("Stamp 3")
    shown.locator(".card").first.locator(".card-name").click()
    expect(shown.locator(".box").first).to_have_attribute("aria-pressed", "true")
    expect(shown.locator(".box[aria-pressed=true]")).to_have_count(1)


def test_the_wheel_zooms_around_the_pointer(shown: Page) -> None:
    box = area(shown.locator(".box").first)
    x, y = round(box["x"] + box["width"] / 2), round(box["y"] + box["height"] / 2)  # as pointers have them
    shown.mouse.move(x, y)
    shown.mouse.wheel(0, -400)
    expect(shown.locator("#zoom-level")).not_to_have_text("45 %")
    larger = area(shown.locator(".box").first)
    assert larger["width"] == pytest.approx(box["width"] * 2.718, rel=0.02)
    assert larger["x"] + larger["width"] / 2 == pytest.approx(x, abs=2)
    assert larger["y"] + larger["height"] / 2 == pytest.approx(y, abs=2)


def test_keys_and_pointers_zoom_and_move_the_page(shown: Page) -> None:
    sheet = shown.locator("#sheet")
    fitted = area(sheet)
    shown.locator("#stage").focus()
    shown.keyboard.press("+")
    assert area(sheet)["width"] == pytest.approx(fitted["width"] * 1.25, rel=0.01)
    before = area(sheet)
    shown.keyboard.press("ArrowRight")
    assert area(sheet)["x"] == pytest.approx(before["x"] - 60, abs=1)
    shown.keyboard.press("0")
    assert area(sheet) == pytest.approx(fitted)
    stage = area(shown.locator("#stage"))
    shown.mouse.move(stage["x"] + 20, stage["y"] + 20)
    shown.mouse.down()
    shown.mouse.move(stage["x"] + 70, stage["y"] + 50, steps=4)
    shown.mouse.up()
    assert area(sheet)["x"] == pytest.approx(fitted["x"] + 50, abs=4)
    assert area(sheet)["y"] == pytest.approx(fitted["y"] + 30, abs=4)


def test_the_threshold_shows_more_and_fewer_stamps_without_a_call(shown: Page) -> None:
    calls: list[str] = []
    shown.on("request", lambda request: calls.append(request.url))
    expect(shown.locator("#threshold-value")).to_have_text("0.50")
    slider = shown.locator("#threshold")
    slider.fill("1")
    expect(shown.locator(".box")).to_have_count(0)
    slider.fill("0.15")
    expect(shown.locator(".box")).to_have_count(4)
    assert [url for url in calls if not url.startswith(("blob:", "data:"))] == []


@pytest.mark.parametrize(("name", "of_stamp"), [("type", "type"), ("ink", "ink_colour"), ("die", "die_group")])
def test_filters_leave_what_they_say(
    shown: Page, found: DocumentResult, pair: tuple[int, int], name: str, of_stamp: str
) -> None:
    values = [str(getattr(stamp, of_stamp)) for stamp in found.pages[0].stamps]
    value = values[pair[0] - 1]
    left = [str(number) for number, each in enumerate(values, 1) if each == value]
    shown.locator(f"#filter-{name}").select_option(value)
    expect(shown.locator(".card")).to_have_count(len(left))
    assert [label.split(" ")[0] for label in boxes(shown)] == left
    expect(shown.locator("#shown")).to_contain_text(f"{len(left)} of")
