"""Accept, reject, redraw, undo; and what can be taken along."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from stamp2vec.values import DocumentResult


def exported(page: Page, name: str) -> tuple[str, str]:
    """The name and the text of a download."""
    page.locator("#export-open").click()
    with page.expect_download() as download:
        page.locator(f"#export-{name}").click()
    page.keyboard.press("Escape")
    return download.value.suggested_filename, Path(download.value.path()).read_text()


def states(page: Page) -> list[str]:
    return page.locator(".card .card-state").all_text_contents()


def test_keys_accept_reject_and_take_back(shown: Page) -> None:
    for key in "nar":
        shown.keyboard.press(key)
    assert states(shown) == ["accepted", "rejected", "", ""]
    expect(shown.locator("#reviewed")).to_have_text("2 of 4 stamps reviewed")
    expect(shown.locator(".box[aria-pressed=true]")).to_contain_text("3 ·")  # the next that is open
    shown.keyboard.press("u")
    shown.keyboard.press("Control+z")
    assert states(shown) == ["", "", "", ""]
    expect(shown.locator("#undo")).to_be_disabled()
    shown.keyboard.press("y")
    assert states(shown) == ["accepted", "", "", ""]
    shown.locator("#redo").click()
    assert states(shown) == ["accepted", "rejected", "", ""]
    expect(shown.locator("#redo")).to_be_disabled()


def test_buttons_of_a_card_do_the_same(shown: Page) -> None:
    card = shown.locator(".card").nth(2)
    card.get_by_role("button", name="Reject").click()
    assert states(shown) == ["", "", "rejected", ""]
    card.get_by_role("button", name="Accept").click()
    card.get_by_role("button", name="Accept").click()  # once more takes it back
    assert states(shown) == ["", "", "", ""]


def test_a_box_is_redrawn_by_keys(shown: Page) -> None:
    detected = stamps(shown)[0]["box"]
    for key in ("n", "e", *["Alt+ArrowRight"] * 3, *["Alt+Shift+ArrowDown"] * 5, "Enter"):
        shown.keyboard.press(key)
    assert states(shown)[0] == "accepted, box redrawn"
    x1, y1, x2, y2 = detected
    found = stamps(shown)[0]
    assert found["box"] == pytest.approx([x1 + 3, y1, x2 + 3, y2 + 5], abs=0.1)
    assert found["detected_box"] == detected
    shown.keyboard.press("u")
    assert stamps(shown)[0]["box"] == detected
    shown.keyboard.press("e")
    shown.keyboard.press("ArrowRight")
    shown.keyboard.press("Escape")
    assert stamps(shown)[0]["box"] == detected


def test_a_box_is_redrawn_by_the_pointer(shown: Page) -> None:
    shown.locator(".card").nth(3).get_by_role("button", name="Redraw box").click()
    sheet = shown.locator("#sheet").bounding_box()
    assert sheet is not None
    scale = sheet["width"] / 1240
    shown.mouse.move(sheet["x"] + 600 * scale, sheet["y"] + 1000 * scale)
    shown.mouse.down()
    shown.mouse.move(sheet["x"] + 1100 * scale, sheet["y"] + 1300 * scale, steps=5)
    shown.mouse.up()
    shown.locator("#redraw-keep").click()
    assert stamps(shown)[3]["box"] == pytest.approx([600, 1000, 1100, 1300], abs=3)


def stamps(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(exported(page, "json")[1])["stamps"]
    return found


def test_the_review_as_json(shown: Page, found: DocumentResult, pair: tuple[int, int]) -> None:
    for key in "nar":
        shown.keyboard.press(key)
    name, text = exported(shown, "json")
    review = json.loads(text)
    assert name == "page-reviewed.json"
    assert review["file"] == "page.jpg"
    assert review["threshold"] == 0.501
    assert [(page["page"], page["width"], page["height"]) for page in review["pages"]] == [(1, 1240, 1754)]
    assert [stamp["review"] for stamp in review["stamps"]] == ["accepted", "rejected", "open", "open"]
    die = review["stamps"][pair[0] - 1]["die"]
    assert die
    assert [number for number, stamp in enumerate(review["stamps"], 1) if stamp["die"] == die] == list(pair)
    assert [stamp["type"] for stamp in review["stamps"]] == [stamp.type for stamp in found.pages[0].stamps]


def test_the_review_as_csv(shown: Page) -> None:
    shown.keyboard.press("n")
    shown.keyboard.press("r")
    rows = list(csv.DictReader(io.StringIO(exported(shown, "csv")[1])))
    assert [row["review"] for row in rows] == ["rejected", "open", "open", "open"]
    assert [float(rows[0][name]) for name in ("x1", "y1", "x2", "y2")] == stamps(shown)[0]["box"]


def test_the_review_as_coco(shown: Page, found: DocumentResult) -> None:
    shown.keyboard.press("n")
    shown.keyboard.press("r")
    coco = json.loads(exported(shown, "coco")[1])
    names = {category["id"]: category["name"] for category in coco["categories"]}
    left = [stamp.type for stamp in found.pages[0].stamps[1:]]
    assert [names[each["category_id"]] for each in coco["annotations"]] == left
    assert {each["image_id"] for each in coco["annotations"]} == {image["id"] for image in coco["images"]}
    x1, y1, x2, y2 = stamps(shown)[1]["box"]
    assert coco["annotations"][0]["bbox"] == pytest.approx([x1, y1, x2 - x1, y2 - y1])
    assert coco["annotations"][0]["area"] == pytest.approx((x2 - x1) * (y2 - y1))


def test_vectors_are_taken_along_with_their_model(shown: Page) -> None:
    by_json = json.loads(exported(shown, "vectors-json")[1])
    rows = list(csv.reader(io.StringIO(exported(shown, "vectors-csv")[1])))
    assert len(by_json) == len(rows) - 1 == 4
    assert by_json[0]["model"] == rows[1][2] == "tvae@1.5.0"
    assert [float(number) for number in rows[1][3:]] == by_json[0]["vector"]
    assert sum(number**2 for number in by_json[0]["vector"]) == pytest.approx(1, abs=1e-4)
    shown.locator(".card").first.locator("summary", has_text="Vector").click()
    with shown.expect_download() as download:
        shown.get_by_role("button", name="Download as JSON").click()
    assert download.value.suggested_filename == "page-stamp-1-vector.json"
    assert json.loads(Path(download.value.path()).read_text())["vector"] == by_json[0]["vector"]
