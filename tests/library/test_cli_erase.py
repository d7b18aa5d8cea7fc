"""`stamp2vec erase`: what it writes and prints, in process and through a gateway, and what it refuses."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stamp2vec.cli import main
from stamp2vec.imaging import decode_image
from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.values import Outcome, StampPlace
from tests.library.conftest import page_image
from tests.library.standin import StandIn


@pytest.fixture
def files(tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    page_image(0).save(tmp_path / "a.png", dpi=(150, 150))
    page_image(2, 500, 400).save(tmp_path / "b.jpg")
    return tmp_path


@pytest.fixture(params=["in process", "gateway"])
def where(request: pytest.FixtureRequest, files: Path) -> Iterator[list[str]]:
    if request.param == "in process":
        yield []
        return
    server = StandIn(DocumentPipeline.from_preset())
    yield ["--gateway", server.address]
    server.close()


def test_a_file_is_written_and_each_stamp_is_told(
    files: Path, where: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["erase", "a.png", "-o", "out/a.png", "--keep", "#page=1&stamp=1", *where]) == 0
    expected = DocumentPipeline.from_preset().erase((files / "a.png").read_bytes(), keep=[StampPlace(1, 1)])
    assert (files / "out/a.png").read_bytes() == expected.data
    printed = capsys.readouterr().out.splitlines()
    stamps = expected.pages[0].stamps
    assert len(printed) == len(stamps) + 1
    assert "stamp 1 " in printed[0]
    assert printed[0].endswith(": not selected")
    gone = sum(stamp.outcome in (Outcome.ERASED, Outcome.PARTLY) for stamp in stamps)
    assert printed[-1] == f"{len(stamps)} stamps, {gone} erased"
    assert Image.open(files / "out/a.png").info["dpi"] == pytest.approx((150, 150), abs=0.1)


def test_json_has_a_line_a_page(files: Path, where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["erase", "b.jpg", "-o", "b.png", "--only", "type=round,type=oval,ink=red", "--json", *where]) == 0
    streams = capsys.readouterr()
    (row,) = [json.loads(line) for line in streams.out.splitlines()]
    assert (row["file"], row["page"], row["width"], row["height"]) == ("b.jpg", 0, 500, 400)
    for stamp in row["stamps"]:
        chosen = stamp["type"] in ("round", "oval") and stamp["ink_colour"] == "red"
        assert (stamp["outcome"] == "not selected") == (not chosen)


def test_the_page_without_stamps_is_that_of_the_file(files: Path) -> None:
    pipeline, data = DocumentPipeline.from_preset(), (files / "a.png").read_bytes()
    page = pipeline(data, include_erased_page=True, include_vectors=False).pages[0]
    assert page.erased is not None
    assert all(stamp.mask is None for stamp in page.stamps)
    np.testing.assert_array_equal(page.erased, decode_image(pipeline.erase(data).data))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--only", "type=rund"], "choose round, oval, rectangle"),
        (["--only", "ink=pink"], "choose black, blue, violet"),
        (["--only", "die=0"], "is no number of a die"),
        (["--only", "colour=red"], "type=round,ink=red,die=3"),
        (["--keep", "#page=2"], "name one such as '#page=3&stamp=2'"),
        (["--out", "a.jpg"], "name it .png"),
        (["--min-score", "2"], "choose 0 to 1"),
    ],
)
def test_wrong_usage_names_the_choice(
    files: Path, capsys: pytest.CaptureFixture[str], typed: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["erase", "a.png", "--out", "x.png", *typed])
    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (files / "x.png").exists()


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (["a.png", "-o", "x.png", "--keep", "#page=1&stamp=99"], 1, "no stamp 99 that could be kept"),
        (["a.png", "-o", "x.png", "--keep", "#page=5&stamp=1"], 1, "page 5, of which a stamp is to be kept"),
        (["a.png", "-o", "x.png", "--pages", "7"], 1, "there are no pages '7'"),
        (["missing.png", "-o", "x.png"], 1, "cannot be read"),
        (["a.png", "-o", "x.pdf"], 2, "name it .png"),
    ],
)
def test_what_cannot_be_done_is_told(
    files: Path, where: list[str], capsys: pytest.CaptureFixture[str], typed: list[str], code: int, said: str
) -> None:
    assert main(["erase", *typed, *where]) == code
    assert said in capsys.readouterr().err
    assert not (files / typed[2]).exists()
