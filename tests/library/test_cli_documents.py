"""Which files, pages and stamps the command line reads, and what it says of them."""

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stamp2vec.cli import main, tables
from stamp2vec.cli.rows import StampFiles, page_json, page_row
from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.values import DocumentResult, InkColour, PageResult, Resolution, Source, Stamp, StampType, Timing
from tests.library.conftest import page_image
from tests.library.standin import StandIn
from tests.library.test_document import tiff

Capture = pytest.CaptureFixture[str]

STAMP = Stamp(
    box=(10, 20, 110, 70),
    score=0.9,
    type=StampType.ROUND,
    angle_degrees=0,
    ink_colour=InkColour.BLUE,
    crop_box=(5, 15, 115, 75),
    vector=None,
    mask=None,
    crop=None,
    source=Source.ANNOTATION,
    box_points=(1.005, 2, 3, 4),
    width_mm=12.34,
    height_mm=6.17,
)
PAGE = PageResult(2, 300, 600, (STAMP,), None, Resolution(200, 100), "iii", ("half of it is missing: scan it again",))
NO_TIME = Timing(0, 0, 0, 0, 0, 0)
RESULT = DocumentResult(
    (PAGE,), np.zeros((0, 0), np.float32), None, None, (), NO_TIME, "", ("the file was repaired: compare it",), 3
)


@pytest.fixture
def files(tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `in` of two pages and a note, with a folder in it of a file of three pages, below the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in/deep").mkdir(parents=True)
    page_image(0).save("in/a.png")
    page_image(2, 500, 400).save("in/b.JPG")
    Path("in/note.txt").write_text("no image")
    white = Image.new("RGB", (200, 300), "white")
    Path("in/deep/c.tif").write_bytes(tiff([page_image(0), white, page_image(2)]))
    return tmp_path


@pytest.fixture(params=["in process", "gateway"])
def where(request: pytest.FixtureRequest, files: Path) -> Iterator[list[str]]:
    if request.param == "in process":
        yield []
        return
    server = StandIn(DocumentPipeline.from_preset())
    yield ["--gateway", server.address]
    server.close()


def rows(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_folder_stands_for_its_documents(files: Path, where: list[str], capsys: Capture) -> None:
    assert main(["find", "in", "--json", *where]) == 0
    captured = capsys.readouterr()
    assert [row["file"] for row in rows(captured.out)] == ["in/a.png", "in/b.JPG"]
    assert captured.err == "stamp2vec: 1 file left out: no document by the ending of the name\n"
    assert main(["find", "in", "--recursive", "--root", "in", "--json", *where]) == 0
    names = [row["file"] for row in rows(capsys.readouterr().out)]
    assert names == ["a.png", "b.JPG", "deep/c.tif", "deep/c.tif", "deep/c.tif"]


def test_every_command_takes_folders(files: Path) -> None:
    assert main(["analyze", "in", "--json"]) == 0
    assert main(["segment", "in", "--out", "masks"]) == 0
    assert sorted(os.listdir("masks")) == ["a.png", "b.png"]
    assert main(["embed", "in", "--recursive", "--out", "v.npz"]) == 0
    with np.load("v.npz") as data:
        assert data["files"].tolist() == ["in/a.png", "in/b.JPG", "in/deep/c.tif"]


def test_a_folder_without_documents_or_unreadable_names_is_told(files: Path, capsys: Capture) -> None:
    Path("empty").mkdir()
    (Path(os.fsdecode(b"in/\xff.png"))).write_bytes(b"")
    assert main(["find", "empty", "in"]) == 1
    errors = capsys.readouterr().err
    assert "empty: has no document: name another, or add --recursive" in errors
    assert "its name is no UTF-8: rename it" in errors


def test_find_prints_pages_with_stamps_and_a_summary(files: Path, where: list[str], capsys: Capture) -> None:
    assert main(["find", "in/deep/c.tif", "--min-score", "0.9", *where]) == 0
    *pages, summary = capsys.readouterr().out.splitlines()
    result = DocumentPipeline.from_preset()(Path("in/deep/c.tif").read_bytes(), min_score=0.9, include_vectors=False)
    stamped = [page for page in result.pages if page.stamps]
    assert 0 < len(stamped) < 3
    told = [page.index + 1 for page in result.pages if page.stamps or page.warnings]
    assert [int(line.partition("  page ")[2][0]) for line in pages if "  page " in line] == told
    stamps = sum(len(page.stamps) for page in stamped)
    assert summary == f"3 pages, {len(stamped)} with stamps, {stamps} stamp{'s' if stamps > 1 else ''}"


def test_find_asks_for_no_vectors(files: Path) -> None:
    server = StandIn(DocumentPipeline.from_preset())
    assert main(["find", "in/a.png", "--gateway", server.address]) == 0
    asked = server.requests[-1].document
    server.close()
    assert (asked.include_vectors, asked.include_masks, asked.include_crops) == (False, False, False)


def test_only_the_pages_that_are_asked_for(files: Path, where: list[str], capsys: Capture) -> None:
    for command in ("find", "analyze"):
        assert main([command, "in/deep/c.tif", "--pages", "1,3-", "--json", *where]) == 0
        assert [row["page"] for row in rows(capsys.readouterr().out)] == [0, 2]
    assert main(["segment", "in/deep/c.tif", "--pages", "2", "--out", "masks", *where]) == 0
    assert os.listdir("masks") == ["c-2.png"]
    assert main(["find", "in/deep/c.tif", "--pages", "4", *where]) == 1
    assert "there are no pages '4': the file has 3, from 1 on" in capsys.readouterr().err


def test_the_password_comes_from_the_environment_too(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = StandIn(DocumentPipeline.from_preset())
    gateway = ["--gateway", server.address]
    monkeypatch.setenv("STAMP2VEC_PDF_PASSWORD", "of the environment")
    assert main(["find", "in/a.png", *gateway]) == 0
    assert server.requests[-1].document.password == "of the environment"
    assert main(["analyze", "in/a.png", "--password", "typed", *gateway]) == 0
    assert server.requests[-1].document.password == "typed"
    server.close()


def test_compare_takes_stamps_by_their_place(files: Path, where: list[str], capsys: Capture) -> None:
    typed = ["in/deep/c.tif#page=1&stamp=2", "in/deep/c.tif#page=1"]
    assert main(["compare", *typed, "--json", "--by-vectors", *where]) == 0
    printed = json.loads(capsys.readouterr().out)
    result = DocumentPipeline.from_preset()(Path("in/deep/c.tif").read_bytes(), include_crops=True)
    for number, path in enumerate(("2.png", "1.png")):
        crop = result.pages[0].stamps[1 - number].crop
        assert crop is not None
        Image.fromarray(crop).save(path)
    assert main(["compare", "2.png", "1.png", "--json", "--by-vectors", *where]) == 0
    of_files = json.loads(capsys.readouterr().out)
    assert printed | {"a": "2.png", "b": "1.png"} == of_files
    assert main(["embed", *typed, "--out", "v.npz", *where]) == 0
    assert main(["segment", *typed, "--crop", "--out", "masks", *where]) == 0
    assert sorted(os.listdir("masks")) == ["c-page1-stamp1.png", "c-page1-stamp2.png"]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("#page=9", "there are no pages '9': the file has 3, from 1 on"),
        ("#page=1&stamp=299", "ask for stamp=1 to stamp="),
        ("#page=2&stamp=1", "page 2 has no stamp: there are some on page 1, 3"),
        ("#page=0", "'#page=0' is no place: name one such as in/deep/c.tif#page=3&stamp=2"),
        ("#", "'#' is no place"),
        ("#stamp", "'#stamp' is no place"),
    ],
)
def test_a_place_where_nothing_is_says_what_there_is(
    files: Path, place: str, message: str, where: list[str], capsys: Capture
) -> None:
    assert main(["compare", f"in/deep/c.tif{place}", "in/a.png", *where]) == 1
    assert message in capsys.readouterr().err


def test_a_file_may_have_a_place_in_its_name(files: Path, capsys: Capture) -> None:
    Path("in/a.png").rename("in/a#page=1.png")
    assert main(["compare", "in/a#page=1.png", "in/a#page=1.png#stamp=1", "--json"]) == 0
    assert main(["find", "in/a#page=1.png"]) == 0


def test_json_has_all_that_is_known_of_a_page() -> None:
    row = json.loads(page_json("a.pdf", PAGE, RESULT, [StampFiles()], include_vectors=False))
    assert row == {
        "file": "a.pdf",
        "page": 2,
        "label": "iii",
        "width": 600,
        "height": 300,
        "resolution": [200, 100],
        "warnings": ["the file was repaired: compare it", "half of it is missing: scan it again"],
        "stamps": [
            {
                "box": [10, 20, 110, 70],
                "score": 0.9,
                "type": "round",
                "angle_degrees": 0,
                "ink_colour": "blue",
                "source": "annotation",
                "box_points": [1.0, 2, 3, 4],
                "width_mm": 12.3,
                "height_mm": 6.2,
            }
        ],
    }


def test_what_is_not_known_is_null() -> None:
    row = page_row(PageResult(0, 1, 1, (), None))
    assert (row["label"], row["resolution"], row["warnings"]) == (None, None, [])


def test_tables_show_sizes_sources_labels_and_warnings() -> None:
    text = tables.document("a.pdf", RESULT)
    assert text.splitlines() == [
        "a.pdf  warning: the file was repaired: compare it",
        "a.pdf  page 3 (iii)  600 x 300 at 200 x 100 dpi  1 stamp",
        "  warning: half of it is missing: scan it again",
        "     #  score  type       rotation  ink         x1      y1      x2      y2      size in mm  source",
        "     1   0.90  round             0  blue        10      20     110      70          12 x 6  annotation",
    ]
    assert tables.found("a.pdf", RESULT).splitlines() == [
        "a.pdf  warning: the file was repaired: compare it",
        "a.pdf  page 3 (iii)  1 stamp: 1 round, top left, annotation",
        "a.pdf  page 3 (iii)  warning: half of it is missing: scan it again",
    ]
    plain = dataclasses.replace(STAMP, source=Source.PAGE, width_mm=None, height_mm=None)
    unknown = dataclasses.replace(PAGE, stamps=(plain,), resolution=None, label="3", warnings=())
    assert tables.document("a.pdf", dataclasses.replace(RESULT, pages=(unknown,), warnings=())).splitlines() == [
        "a.pdf  page 3  600 x 300  1 stamp",
        "     #  score  type       rotation  ink         x1      y1      x2      y2",
        "     1   0.90  round             0  blue        10      20     110      70",
    ]
