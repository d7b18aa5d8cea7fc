"""Results in a notebook: what is shown, what is left out, and that no text of a file becomes markup."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stamp2vec.errors import InvalidImage, InvalidInput, UnreadableFile
from stamp2vec.notebook import show
from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.values import (
    Comparison,
    DocumentResult,
    InkColour,
    Overlay,
    PageResult,
    Resolution,
    Source,
    Stamp,
    StampType,
    Timing,
    Verdict,
)
from tests.library.conftest import page_image
from tests.library.test_document import png, tiff

HOSTILE = "<img src=x onerror=alert(1)>\"'&</td><script>alert(2)</script>\u202e\ud800"
CROP = np.full((300, 200, 3), 200, np.uint8)
ALLOWED = {"p", "b", "bdi", "div", "span", "img", "table", "caption", "tr", "th", "td"}


class Document(HTMLParser):
    """Holds that all tags are known and closed, that all attributes are ours, and that pictures are in the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        html.encode()
        self.open: list[str] = []
        self.text = ""
        self.count: dict[str, int] = {}
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED
        self.count[tag] = self.count.get(tag, 0) + 1
        given = dict(attrs)
        assert set(given) <= {"style", "src"}
        assert "url(" not in (given.get("style") or "")
        if tag == "img":
            assert re.fullmatch(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+", given["src"] or "")
        else:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def stamp(**changes: object) -> Stamp:
    plain = Stamp(
        box=(10.0, 20.0, 60.0, 90.0),
        score=0.987,
        type=StampType.ROUND,
        angle_degrees=-30.2,
        ink_colour=InkColour.BLUE,
        crop_box=(5, 15, 65, 95),
        vector=None,
        mask=None,
        crop=None,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def result(*pages: PageResult, similarity: np.ndarray | None = None, warnings: tuple[str, ...] = ()) -> DocumentResult:
    matrix = np.zeros((0, 0), np.float32) if similarity is None else similarity
    probability = None if similarity is None else similarity / 2
    return DocumentResult(pages, matrix, probability, 0.5, (), Timing(0, 0, 0, 0, 0, 0), "", warnings, len(pages))


def page(index: int, *stamps: Stamp, **changes: object) -> PageResult:
    return replace(PageResult(index, 200, 100, stamps, None), **changes)  # type: ignore[arg-type]


def shown(value: object) -> Document:
    return Document(value._repr_html_())  # type: ignore[attr-defined]


def test_a_page_its_stamps_and_their_likeness() -> None:
    first = stamp(die_group=1, width_mm=41.3, height_mm=39.8, source=Source.ANNOTATION)
    whole = result(
        page(0, first, stamp(crop=CROP), resolution=Resolution(150, 150), label="iv"),
        page(1),
        page(2, stamp(score=0.5, ink_colour=None), resolution=Resolution(204, 98)),
        similarity=np.array([[1, 0.25, -0.5], [0.25, 1, 0.75], [-0.5, 0.75, 1]], np.float32),
    )
    html = whole._repr_html_()
    found = Document(html)
    assert "Pages: 3; with stamps: 2; stamps: 3" in found.text
    assert "Page 1 (iv): 100 x 200 pixels at 150 dpi; stamps: 2" in found.text
    assert "Page 3: 100 x 200 pixels at 204 x 98 dpi" in found.text
    assert "Page 2" not in found.text  # nothing is on it
    assert "10.99round-30°blue10, 20, 60, 9041 x 40annotation1" in found.text
    assert html.count("left:10.00%;top:10.00%;width:50.00%;height:35.00%") == 3
    assert "rgba(0,150,80,0.70)" in html  # of 1.00
    assert "rgba(0,150,80,0.00)" in html  # of -0.50
    assert "Probability of one die, at a prior of 0.5" in found.text
    assert found.count["img"] == 1  # one crop, and no picture of a page
    assert found.count["table"] == 4


def test_a_single_page_and_a_page_that_failed() -> None:
    assert "stamps: 1" in shown(page(4, stamp())).text
    assert "Page 5: it is damaged" in shown(page(4, error=InvalidImage("it is damaged"))).text
    assert "that could not be read: 1" in shown(result(page(0, error=InvalidImage("damaged")))).text
    assert "with stamps: 0; stamps: 0" in shown(result(page(0))).text


def test_no_text_of_a_file_becomes_markup() -> None:
    hostile = page(
        0,
        stamp(type=HOSTILE, ink_colour=HOSTILE, source=HOSTILE),
        label=HOSTILE,
        warnings=(HOSTILE,),
    )
    failed = page(1, error=InvalidImage(HOSTILE))
    for value in (result(hostile, failed, warnings=(HOSTILE,)), hostile, failed, comparison(HOSTILE, None)):
        html = value._repr_html_()
        found = Document(html)
        assert "alert(2)" in found.text
        assert "<script" not in html
        assert "<img src=x" not in html
        assert html.count("<bdi>") == html.count("</bdi>")


def test_what_is_too_much_is_counted_and_not_shown() -> None:
    many = [stamp(crop=np.random.default_rng(0).integers(0, 255, (400, 400, 3), np.uint8))] * 40
    long = "x" * 100_000
    pages = [page(index, *many, label=long, warnings=(long,) * 50) for index in range(50)]
    html = result(*pages, similarity=np.ones((2000, 2000), np.float32), warnings=(long,) * 1000)._repr_html_()
    found = Document(html)
    assert len(html) < 10**6
    assert "Pages: 50; with stamps: 50; stamps: 2,000" in found.text
    assert "Not shown: 42 more pages" in found.text
    assert found.text.count("Stamps of this page that are not shown: 30") == 1
    assert found.text.count("Stamps of this page that are not shown: 40") == 6
    assert "Cosine similarity (the first 16 of 2,000)" in found.text
    assert "Warnings (the first 5 of 1,000)" in found.text
    assert found.count["img"] == 50


def test_show_puts_the_pages_under_the_boxes(bundle: Path, tmp_path: Path) -> None:
    document = tiff([page_image(0), page_image(2, 40, 40), page_image(1)])
    found = DocumentPipeline.from_preset()(document, include_vectors=False)
    stamped = [each for each in found.pages if each.stamps]
    assert len(stamped) >= 2
    path = tmp_path / "pages.tif"
    path.write_bytes(document)
    for file in (document, path, str(path)):
        view = shown(show(found, file))
        assert view.count["img"] == len(stamped) + sum(len(each.stamps) for each in stamped)
    assert all(each.crop is None for every in found.pages for each in every.stamps)
    nothing = result(page(0))
    assert show(nothing, b"")._repr_html_() == nothing._repr_html_()


def test_show_cuts_crops_out_of_pixels_that_are_not_square(bundle: Path) -> None:
    """A fax of 204 by 98 dpi: boxes count the pixels that it stores, of which the picture has twice as many rows."""
    file = io.BytesIO()
    page_image(0, 600, 400).save(file, "PNG", dpi=(204, 98))
    pipeline, fax = DocumentPipeline.from_preset(), file.getvalue()
    cut = pictures(show(pipeline(fax, include_vectors=False), fax).html)
    given = pictures(show(pipeline(fax, include_vectors=False, include_crops=True), fax).html)
    assert len(cut) == len(given) > 1
    for one, other in zip(cut, given, strict=True):
        assert one.size == pytest.approx(other.size, abs=2)
        a, b = (np.asarray(each.resize((32, 32)).convert("L"), float) for each in (one, other))
        assert abs(a - b).mean() < 8  # of 255


def test_show_takes_the_document_of_the_result(bundle: Path) -> None:
    sized = result(page(0, stamp()))
    same = png(page_image(0, 100, 200))
    assert Document(show(sized, same).html).count["img"] == 2
    with pytest.raises(InvalidInput, match="page 1 has another size"):
        show(sized, png(page_image(0, 100, 201)))
    with pytest.raises(InvalidInput, match="page"):
        show(result(page(1, stamp())), same)
    with pytest.raises(UnreadableFile):
        show(sized, "missing.pdf")
    with pytest.raises(InvalidImage):
        show(sized, b"no picture")


def pictures(html: str) -> list[Image.Image]:
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in re.findall(r"base64,([^\"]+)", html)]


def comparison(reason: str, overlay: Overlay | None) -> Comparison:
    return Comparison(0.9876, "tvae", "1.5.0", 0.5, 0.25, Verdict.CANNOT_TELL, reason, overlay)


def test_a_comparison_with_and_without_ink() -> None:
    plain = shown(comparison("too little ink", None))
    assert "cannot tell" in plain.text
    assert "too little ink" in plain.text
    assert "0.250" in plain.text
    assert "img" not in plain.count
    ink = np.zeros((384, 384), np.uint8)
    places = np.zeros((96, 96), np.uint8)
    laid = shown(comparison("", Overlay(ink, ink, places, places, 0.9, 0.1, 0.25, mirrored=True)))
    assert laid.count["img"] == 1
    assert "10%, 25%" in laid.text
    assert "only the second has" in laid.text
