"""`stamp2vec compare` on real files: the sentence, the JSON, the picture."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stamp2vec.cli import main, verdicts
from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.v1 import gateway_pb2
from stamp2vec.values import Comparison, Overlay, Verdict
from tests.library.seals import coloured, ink
from tests.library.standin import StandIn

OVERLAY = Overlay(
    a_ink=np.zeros((384, 384), np.uint8),
    b_ink=np.zeros((384, 384), np.uint8),
    agrees=np.zeros((96, 96), np.uint8),
    contradicts=np.zeros((96, 96), np.uint8),
    correlation=0.5,
    missing_ink=0.25,
    added_ink=0.125,
    mirrored=False,
)


@pytest.fixture
def files(tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two impressions of one die, one of another, a mirrored one, paper, and what is no picture."""
    monkeypatch.chdir(tmp_path)
    for name, mask in (
        ("one", ink("ORION 77")),
        ("two", ink("ORION 77")),
        ("other", ink("VESTA 41")),
        ("mirrored", ink("ORION 77", mirrored=True)),
        ("paper", np.zeros((80, 90), np.uint8)),
    ):
        Image.fromarray(coloured(mask)).save(f"{name}.png")
    Path("note.txt").write_text("no image")
    return tmp_path


@pytest.fixture(params=["in process", "gateway"])
def where(request: pytest.FixtureRequest, files: Path) -> Iterator[list[str]]:
    """The options that choose who does the work: every command must do the same in both."""
    if request.param == "in process":
        yield []
        return
    server = StandIn(DocumentPipeline.from_preset())
    yield ["--gateway", server.address]
    server.close()


@pytest.mark.parametrize(
    ("other", "start", "frame"),
    [
        ("two", "one.png and two.png are of one die (probability of one die 1.00 at a prior of 0.5, ", (0, 150, 80)),
        ("other", "one.png and other.png are of two dies (probability of one die 0.0", (220, 30, 30)),
        ("mirrored", "one.png and mirrored.png are mirrored: one is the mirror image of the other: ", (150, 150, 150)),
        (
            "paper",
            "whether one.png and paper.png are of one die cannot be determined, because too little ink (0.0% of the "
            "crop): take a stronger impression, or crop closer (similarity ",
            (150, 150, 150),
        ),
    ],
)
def test_the_sentence_and_the_frame_say_the_verdict(
    where: list[str], other: str, start: str, frame: tuple[int, int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "one.png", f"{other}.png", *where]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(start)
    compared = other != "paper"
    assert (" of the ink is missing, " in captured.out) == compared
    assert "by tvae@0.0.1" in captured.out
    assert captured.err == "stamp2vec: wrote compare.png\n"
    with Image.open("compare.png") as picture:
        assert picture.getpixel((0, 0)) == frame
        assert round(picture.width / picture.height) == (3 if compared else 2)


def test_by_vectors_the_verdict_is_one_layout_at_most(where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "one.png", "two.png", "--by-vectors", *where]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "whether one.png and two.png are of one die cannot be determined, because nobody has measured"
    )
    assert out.endswith("(similarity 1.0000 by tvae@0.0.1)\n")
    with Image.open("compare.png") as picture:
        assert round(picture.width / picture.height) == 2


def test_json_has_all_numbers_and_a_picture_only_where_it_is_asked_for(
    where: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "one.png", "other.png", "--json", "--prior", "0.3", *where]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["a"], row["b"], row["verdict"], row["reason"]) == ("one.png", "other.png", "different", "")
    assert (row["prior"], row["model"]) == (0.3, "tvae@0.0.1")
    assert 0 <= row["probability"] <= 0.1
    assert -1 <= row["similarity"] <= 1
    assert list(row["overlay"]) == ["correlation", "missing_ink", "added_ink", "mirrored"]
    assert row["overlay"]["mirrored"] is False
    assert not Path("compare.png").exists()
    assert main(["compare", "one.png", "mirrored.png", "--json", "--out", "out/x.png", *where]) == 0
    assert json.loads(capsys.readouterr().out)["overlay"]["mirrored"] is True
    assert Path("out/x.png").exists()
    assert main(["compare", "one.png", "two.png", "--json", "--by-vectors", *where]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["probability"], row["verdict"]) == (None, "cannot tell")
    assert "overlay" not in row


def test_what_is_no_picture_fails(where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "one.png", "note.txt", *where]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "note.txt: " in captured.err


def test_options_reach_the_gateway(files: Path) -> None:
    server = StandIn(DocumentPipeline.from_preset())
    for options in (["--by-vectors"], [], ["--prior", "0.25"]):
        assert main(["compare", "one.png", "two.png", *options, "--gateway", server.address]) == 0
    by_vectors, by_ink, with_prior = (each for each in server.requests if hasattr(each, "mode"))
    server.close()
    assert by_vectors.mode == gateway_pb2.COMPARE_MODE_FAST
    assert by_ink.mode == gateway_pb2.COMPARE_MODE_UNSPECIFIED
    assert not by_ink.HasField("prior")
    assert with_prior.prior == 0.25


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_sentence(verdict: Verdict) -> None:
    result = Comparison(0.9, "tvae", "1.5.0", 0.25, 0.75, verdict, "of this", OVERLAY)
    said = verdicts.sentence("a.png", "b.png", result)
    assert said.endswith(
        "(probability of one die 0.75 at a prior of 0.25, similarity 0.9000 by tvae@1.5.0; 25% of the ink is missing, "
        "12% is added)"
    )
    assert ("of this" in said) == (verdict not in (Verdict.SAME, Verdict.DIFFERENT))
    assert json.loads(verdicts.json_line("a.png", "b.png", result))["verdict"] == verdict


def test_the_third_panel_shows_whose_ink_it_is_and_what_its_places_say() -> None:
    a, b = OVERLAY.a_ink.copy(), OVERLAY.b_ink.copy()
    a[:96, :96] = b[:96, :96] = 255  # both
    a[:96, -96:] = 255  # A alone
    b[-96:, :96] = 255  # B alone
    agrees, contradicts = OVERLAY.agrees.copy(), OVERLAY.contradicts.copy()
    agrees[40:56, 40:56] = 255
    contradicts[-16:, -16:] = 255
    overlay = Overlay(a, b, agrees, contradicts, 0.5, 0.25, 0.125, mirrored=False)
    crop = np.full((80, 80, 3), 255, np.uint8)
    data = verdicts.picture(crop, crop, Comparison(0.9, "m", "1.0.0", 0.5, 0.5, Verdict.CANNOT_TELL, "x", overlay))
    with Image.open(io.BytesIO(data)) as picture:
        panel = np.asarray(picture.convert("RGB"))[16:-16, -496:-16].astype(int)
    both, only_a, only_b = panel[20, 20], panel[20, -20], panel[-60, 20]
    assert both.max() < 80
    assert only_a[2] > only_a[0] + 100, "blue"
    assert only_b[0] > only_b[2] + 100, "orange"
    green, red, paper = panel[240, 240], panel[-20, -20], panel[240, 20]
    assert green[1] > green[0] + 50
    assert red[0] > red[1] + 100
    assert paper.min() == 255
