"""The command line on real files: what it prints, what it writes, how it exits."""

import dataclasses
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image

from stamp2vec import hub
from stamp2vec.cli import main, tables
from stamp2vec.cli.report import Report
from stamp2vec.cli.rows import rounded
from stamp2vec.hub.manifest import Manifest
from stamp2vec.imaging import decode_image
from stamp2vec.pipelines import DocumentPipeline, EmbeddingPipeline
from stamp2vec.strips import Ring
from stamp2vec.v1 import common_pb2
from stamp2vec.values import ModelInfo, Preset, Task
from tests.library.certificates import certificate
from tests.library.conftest import SHARP, page_image
from tests.library.seals import coloured, ink
from tests.library.standin import StandIn
from tests.library.test_document import tiff


@pytest.fixture
def files(tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pages, crops and what is neither, below the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pages").mkdir()
    (tmp_path / "crops").mkdir()
    page_image(0).save(tmp_path / "pages" / "a.png")
    page_image(2, 500, 400).save(tmp_path / "pages" / "b.jpg")
    for seed in (1, 2, 3):
        page_image(seed, 90 + seed, 80).save(tmp_path / "crops" / f"{seed}.png")
    (tmp_path / "pages" / "note.txt").write_text("no image")
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


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_analyze_prints_one_json_line_a_page(files: Path, where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (files / "pages" / "c.tif").write_bytes(tiff([page_image(0), page_image(2)]))
    typed = ["pages/a.png", "pages/b.jpg", "pages/c.tif"]
    assert main(["analyze", *typed, "--json", "--min-score", "0.6", *where]) == 0
    rows = lines(capsys.readouterr().out)
    assert [(row["file"], row["page"]) for row in rows] == [
        ("pages/a.png", 0),
        ("pages/b.jpg", 0),
        ("pages/c.tif", 0),
        ("pages/c.tif", 1),
    ]
    assert (rows[1]["width"], rows[1]["height"]) == (500, 400)
    found = DocumentPipeline.from_preset()((files / "pages" / "a.png").read_bytes(), min_score=0.6)
    expected = [
        {
            "box": pytest.approx(stamp.box, abs=0.01),
            "score": pytest.approx(stamp.score, abs=1e-4),
            "type": str(stamp.type),
            "angle_degrees": pytest.approx(stamp.angle_degrees, abs=0.1),
            "ink_colour": stamp.ink_colour,
            "source": "page",
            "box_points": None,
            "width_mm": None,
            "height_mm": None,
        }
        for stamp in found.pages[0].stamps
    ]
    assert expected
    assert rows[0]["stamps"] == expected
    assert rows[2]["stamps"] == expected


def test_analyze_prints_vectors_when_asked(files: Path, where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "pages/a.png", "--json", "--vectors", *where]) == 0
    (row,) = lines(capsys.readouterr().out)
    stamps = row["stamps"]
    assert isinstance(stamps, list)
    assert stamps
    assert np.linalg.norm(stamps[0]["vector"]) == pytest.approx(1, abs=1e-4)
    assert row["models"] == ["yolo-stamp@0.0.1", "tvae@0.0.1"]


def test_analyze_prints_a_table_for_people(files: Path, where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (files / "pages" / "c.tif").write_bytes(tiff([page_image(0), page_image(0)]))
    assert main(["analyze", "pages/c.tif", "--min-score", "0.9", *where]) == 0
    captured = capsys.readouterr()
    assert "pages/c.tif  page 1  620 x 877  " in captured.out
    assert "pages/c.tif  page 2  620 x 877  " in captured.out
    assert "score  type       rotation  ink         x1      y1      x2      y2" in captured.out
    assert "similarity      1      2" in captured.out
    assert " 1.00" in captured.out
    assert captured.err == ""


def test_low_scores_can_be_kept(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["analyze", "pages/a.png", "--json", "--min-score", "0.01"])
    main(["analyze", "pages/a.png", "--json"])
    low, high = lines(capsys.readouterr().out)
    assert isinstance(low["stamps"], list)
    assert isinstance(high["stamps"], list)
    assert len(low["stamps"]) > 100 > len(high["stamps"]) > 0


def test_overlapping_stamps_can_be_kept(files: Path, where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for overlap in ("0.1", "0.8"):
        assert main(["analyze", "pages/a.png", "--json", "--min-score", "0.6", "--max-overlap", overlap, *where]) == 0
    few, many = (row["stamps"] for row in lines(capsys.readouterr().out))
    assert isinstance(few, list)
    assert isinstance(many, list)
    assert len(many) > len(few) > 0


def test_files_are_named_below_the_root(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    absolute = str(files / "pages" / "*.jpg")
    assert main(["analyze", absolute, "--json", "--root", str(files)]) == 0
    assert [row["file"] for row in lines(capsys.readouterr().out)] == ["pages/b.jpg"]
    assert main(["analyze", "pages/a.png", "--json", "--root", "crops"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "stamp2vec: pages/a.png: is not below --root crops: name another, or leave it out\n"


def test_failing_files_cost_a_line_each_and_not_the_others(
    files: Path, where: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "pages" / "c.tif").write_bytes(tiff([page_image(2), Image.new("RGB", (5, 5))]))
    (files / "none").mkdir()
    typed = ["none", "pages/note.txt", "missing.png", "none/*.png", "pages/a.png", "pages/c.tif"]
    assert main(["analyze", *typed, "--json", *where]) == 1
    captured = capsys.readouterr()
    assert [(row["file"], row["page"]) for row in lines(captured.out)] == [("pages/a.png", 0), ("pages/c.tif", 0)]
    errors = sorted(captured.err.splitlines())
    assert len(errors) == 5
    assert errors[0] == "stamp2vec: missing.png: cannot be read (No such file or directory): name a file that can"
    assert errors[1] == "stamp2vec: none/*.png: no file matches: check the pattern"
    assert errors[2] == "stamp2vec: none: has no document: name another, or add --recursive for the folders in it"
    assert errors[3].startswith("stamp2vec: pages/c.tif page 2: the image is 5 x 5 pixels")
    assert errors[4].startswith("stamp2vec: pages/note.txt: not an image")


def test_stdin_and_globs(files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stdin = io.TextIOWrapper(io.BytesIO((files / "pages" / "a.png").read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main(["analyze", "--json", "-", "crops/[12].png", "**/b.*"]) == 0
    names = [row["file"] for row in lines(capsys.readouterr().out)]
    assert names == ["-", "crops/1.png", "crops/2.png", "pages/b.jpg"]


def test_segment_writes_masks_of_pages(files: Path, where: list[str]) -> None:
    (files / "pages" / "c.tif").write_bytes(tiff([page_image(0), page_image(2)]))
    assert main(["segment", "pages/a.png", "pages/b.jpg", "pages/c.tif", "--out", "out/masks", *where]) == 0
    assert sorted(path.name for path in Path("out/masks").iterdir()) == ["a.png", "b.png", "c-2.png", "c.png"]
    assert Image.open("out/masks/b.png").size == (500, 400)
    ink = np.asarray(Image.open("out/masks/a.png"))
    assert ink.shape == (877, 620)
    result = DocumentPipeline.from_preset()((files / "pages" / "a.png").read_bytes(), include_masks=True)
    expected = np.zeros_like(ink)
    for stamp in result.pages[0].stamps:
        x1, y1, x2, y2 = stamp.crop_box
        assert stamp.mask is not None
        expected[y1:y2, x1:x2] = np.maximum(expected[y1:y2, x1:x2], stamp.mask)
    assert expected.any()
    np.testing.assert_array_equal(ink, expected)


def test_segment_keeps_to_the_score_that_it_is_given(files: Path, where: list[str]) -> None:
    assert main(["segment", "pages/a.png", "--min-score", "1", "--out", "masks", *where]) == 0
    assert not np.asarray(Image.open("masks/a.png")).any()


def test_segment_writes_masks_of_crops(files: Path, where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["segment", "crops/*.png", "pages/note.txt", "--crop", "--out", "masks", *where]) == 1
    assert sorted(path.name for path in Path("masks").iterdir()) == ["1.png", "2.png", "3.png"]
    for seed in (1, 2, 3):
        assert Image.open(f"masks/{seed}.png").size == (90 + seed, 80)
        assert Image.open(f"masks/{seed}.png").mode == "L"
    assert capsys.readouterr().err.startswith("stamp2vec: pages/note.txt: ")


def test_segment_never_writes_a_mask_twice(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["segment", "crops/1.png", "./crops/1.png", "--crop", "--out", "masks"]) == 1
    assert "another file has been written to masks/1.png" in capsys.readouterr().err


def test_embed_writes_files_and_vectors(files: Path, where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["embed", "crops/*.png", "pages/note.txt", "--out", "out/vectors.npz", *where]) == 1
    with np.load("out/vectors.npz", allow_pickle=False) as data:
        assert data["files"].tolist() == ["crops/1.png", "crops/2.png", "crops/3.png"]
        assert data["vectors"].shape == (3, 16)
        assert data["vectors"].dtype == np.float32
        assert str(data["model"]) == "tvae@0.0.1"
        embedder = EmbeddingPipeline.from_pretrained("tvae")
        crops = [decode_image(Path(name).read_bytes()) for name in data["files"]]
        np.testing.assert_allclose(data["vectors"], embedder(crops), atol=1e-5)
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert sorted(path.name for path in Path("out").iterdir()) == ["vectors.npz"]


def test_embed_leaves_out_paper(files: Path, where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (90, 80), "white").save(files / "crops" / "blank.png")
    assert main(["embed", "crops/1.png", "crops/blank.png", "crops/2.png", "--out", "v.npz", *where]) == 1
    with np.load("v.npz", allow_pickle=False) as data:
        assert data["files"].tolist() == ["crops/1.png", "crops/2.png"]
    text = "too little ink (0.0% of the crop): take a stronger impression, or crop closer"
    assert capsys.readouterr().err == f"stamp2vec: crops/blank.png: {text}\n"


def test_embed_takes_more_files_than_a_batch(files: Path) -> None:
    for index in range(35):
        page_image(index, 40, 40).save(files / "crops" / f"many-{index:02}.png")
    assert main(["embed", "crops/many-*.png", "--root", "crops", "--out", "many.npz"]) == 0
    with np.load("many.npz", allow_pickle=False) as data:
        assert data["files"].tolist() == [f"many-{index:02}.png" for index in range(35)]
        assert data["vectors"].shape == (35, 16)


def test_embed_without_a_vector_writes_nothing(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["embed", "pages/note.txt", "--out", "vectors.npz"]) == 1
    assert not Path("vectors.npz").exists()
    assert "vectors.npz is not written: no file could be embedded" in capsys.readouterr().err


def test_models(files: Path, where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", *where]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["MODEL", "ROLE", "VERSION", "INPUT", "PARAMETERS", "VECTOR", "SHA256"]
    assert sorted(" ".join(line.split()[:3]) for line in table[1:]) == [
        "stamp-pair fast pair",
        "stamp-unet fast segmenter",
        "tvae fast embedder",
        "yolo-stamp fast detector",
    ]
    assert main(["models", "--json", *where]) == 0
    assert {row["name"]: row["vector_size"] for row in lines(capsys.readouterr().out)}["tvae"] == 16


def test_the_role_of_a_model_is_its_presets_and_its_task() -> None:
    def info(task: Task | None, *presets: Preset) -> ModelInfo:
        return ModelInfo("m", "1.0.0", task, presets, "m", 1, 1, 0, 0, "", 0.0)

    assert tables.role(info(Task.DETECT, Preset.FAST)) == "fast detector"
    assert tables.role(info(Task.EMBED, Preset.ACCURATE)) == "accurate embedder"
    assert tables.role(info(Task.SEGMENT, Preset.FAST, Preset.ACCURATE)) == "fast and accurate segmenter"
    assert tables.role(info(Task.EMBED)) == "embedder"
    assert tables.role(info(Task.VERIFY, Preset.FAST)) == "fast pair network"
    assert tables.role(info(None, Preset.FAST)) == "fast model"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "COMMAND"),
        (["analyze"], "FILE"),
        (["analyze", "a.png", "--preset", "slow"], "--preset"),
        (["analyze", "a.png", "--min-score", "1.5"], "choose 0 to 1"),
        (["analyze", "a.png", "--min-score", "nan"], "choose 0 to 1"),
        (["analyze", "a.png", "--max-overlap", "1"], "choose 0 to 0.9"),
        (["analyze", "a.png", "--prior", "0"], "choose a number above 0 and below 1"),
        (["compare", "a.png", "b.png", "--prior", "1"], "choose a number above 0 and below 1"),
        (["compare", "a.png", "b.png", "--prior", "nan"], "choose 0 to 1"),
        (["compare", "a.png", "b.png", "--prior", "often"], "--prior"),
        (["compare", "a.png", "b.png", "--thorough"], "unrecognized arguments"),
        (["segment", "a.png", "--crop", "--max-overlap", "0.6", "--out", "x"], "--max-overlap is for pages"),
        (["analyze", "a.png", "--vectors"], "--vectors needs --json or --out"),
        (["analyze", "-", "-"], "- can be given once"),
        (["compare", "-", "-"], "- can be given once"),
        (["segment", "a.png"], "--out"),
        (["segment", "a.png", "--crop", "--min-score", "0.5", "--out", "x"], "--min-score is for pages"),
        (["embed", "a.png"], "--out"),
        (["embed", "a.png", "--out", "x", "--model", "http://a/b"], "'http://a/b' is no name of a model"),
        (["embed", "a.png", "--out", "x", "--model", "tvae", "--preset", "fast"], "not allowed with"),
        (["segment", "a.png", "--out", "x", "--model", "stamp-unet"], "--model is for cropped stamps"),
        (["analyze", "a.png", "--crops", "x", "--masks", "y/../x"], "choose a folder for each"),
        (["analyze", "a.png", "--unrolled", "x", "--clean", "x"], "choose a folder for each"),
        (["models", "--tls"], "--tls needs --gateway"),
        (["models", "--ca", "x"], "--ca needs --gateway"),
        (["models", "--token-file", "x"], "--token-file needs --gateway"),
        (["embed", "a.png", "--out", "x", "--interactive"], "--interactive needs --gateway"),
        (["models", "--token", "secret"], "unrecognized arguments"),
    ],
)
def test_wrong_usage_exits_with_2(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["analyze", "pages/a.png", "--preset", "accurate"], "no model to detect has the preset accurate"),
        (["embed", "crops/1.png", "--out", "v.npz", "--preset", "accurate"], "no model to embed has the preset"),
        (["segment", "pages/a.png", "--out", "pages/note.txt"], "--out pages/note.txt cannot be made"),
        (["embed", "crops/1.png", "--out", "pages/note.txt/v.npz"], "cannot be written"),
        (["models", "--gateway", "127.0.0.1:1"], "no gateway answers at 127.0.0.1:1"),
        (["embed", "crops/1.png", "--out", "v.npz", "--gateway", "127.0.0.1:1"], "no gateway answers at 127.0.0.1:1"),
        (["analyze", "pages/a.png", "--crops", "pages/note.txt"], "--crops pages/note.txt cannot be made"),
        (["embed", "crops/1.png", "--out", "v.npz", "--model", "hvae"], "no model is named 'hvae'"),
        (["embed", "crops/1.png", "--out", "v.npz", "--model", "stamp-unet"], "stamp-unet@0.0.1 is made to segment"),
        (["models", "--gateway", "gateway:1", "--ca", "missing.pem"], "--ca missing.pem cannot be read"),
        (["models", "--gateway", "gateway:1", "--ca", "pages/note.txt"], "--ca pages/note.txt has no certificate"),
        (["models", "--gateway", "gateway:1", "--ca", "pages/a.png"], "--ca pages/a.png has no certificate"),
        (["models", "--gateway", "gateway:1", "--token-file", "missing"], "--token-file missing cannot be read"),
        (["models", "--gateway", "gateway:1", "--token-file", "pages/note.txt"], "must not travel to gateway:1"),
        (["models", "--gateway", "localhost:1", "--token-file", "pages/note.txt"], "the token has a space"),
        (["models", "--gateway", "localhost:1", "--token-file", "pages/a.png"], "another character that no token has"),
    ],
)
def test_what_cannot_start_exits_with_2(
    files: Path, argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1


def test_a_gateway_without_the_preset_exits_with_2(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = StandIn(DocumentPipeline.from_preset())
    assert main(["analyze", "pages/a.png", "--preset", "accurate", "--gateway", server.address]) == 2
    server.close()
    assert "has no models of the preset accurate: there is fast" in capsys.readouterr().err


def test_a_gateway_that_fails_midway_costs_what_it_did_not_answer(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = StandIn(DocumentPipeline.from_preset())
    internal = (grpc.StatusCode.INTERNAL, None)
    server.failures = [None, None, internal]  # the models, the first page, the second
    assert main(["analyze", "pages/a.png", "pages/b.jpg", "--json", "--gateway", server.address]) == 1
    captured = capsys.readouterr()
    assert [row["file"] for row in lines(captured.out)] == ["pages/a.png"]
    assert "stamp2vec: pages/b.jpg: a failure of the stand-in" in captured.err
    assert "stamp2vec: stopped after 1 files: " in captured.err
    server.failures = [None, internal]
    assert main(["embed", "crops/1.png", "crops/2.png", "--out", "v.npz", "--gateway", server.address]) == 1
    assert capsys.readouterr().err.splitlines()[:2] == [
        "stamp2vec: crops/1.png: a failure of the stand-in",
        "stamp2vec: crops/2.png: a failure of the stand-in",
    ]
    server.close()


def measured(files: Path, weights: Path) -> Path:
    """The bundled models, of whose embedder it is known what similarities mean."""
    folder = files / "measured"
    shutil.copytree(weights, folder)
    path = folder / "tvae" / "0.0.1" / "manifest.json"
    known = dataclasses.replace(Manifest.from_json(path.read_bytes()), verification=SHARP)
    path.write_text(known.to_json(), encoding="utf-8")
    return folder


COMMANDS = [
    "find pages/*.* missing.png",
    "find pages crops --recursive --json --pages 1,3",
    "compare pages/c.tif#page=1&stamp=2 pages/c.tif#page=3 --json --out out/places.png",
    "compare pages/c.tif#page=2 pages/c.tif#page=4",
    "analyze pages/*.* missing.png",
    "analyze pages/c.tif pages/a.png --json --min-score 0.6 --max-overlap 0.8",
    "analyze pages/c.tif --json --vectors --crops out/crops --masks out/masks",
    "analyze pages/a.png crops/a.png --json --crops out/same",
    "analyze pages/a.png --json --unrolled out/strips --clean out/clean",
    "segment pages/*.* --out out/page-masks --min-score 0.9",
    "segment crops/*.png pages/note.txt --crop --out out/crop-masks --model stamp-unet@0.0.1",
    "analyze pages/twice.tif --json --vectors --prior 0.3",
    "analyze pages/twice.tif",
    "embed crops/*.png pages/note.txt --out out/vectors.npz --model tvae",
    "compare crops/1.png crops/2.png --out out/compare.png",
    "compare crops/1.png crops/1.png --json --prior 0.3 --out out/ink.png --model tvae@0.0.1",
    "compare crops/1.png crops/2.png --by-vectors --prior 0.3",
    "compare crops/1.png crops/blank.png --json",
    "compare crops/1.png pages/note.txt",
    "models",
    "models --json",
]


def outputs(typed: str, where: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str, dict[str, bytes]]:
    """The exit code, stdout, stderr, and the files below out/ that the command wrote."""
    shutil.rmtree("out", ignore_errors=True)
    code = main([*typed.split(), *where])
    captured = capsys.readouterr()
    files = {str(path): path.read_bytes() for path in Path("out").rglob("*.*")}
    for name in filter(lambda name: name.endswith(".npz"), files):  # a zip archive has the time in it
        with np.load(name) as data:
            files[name] = b"".join(data[key].tobytes() for key in sorted(data))
    return code, captured.out, captured.err, files


@pytest.mark.parametrize("typed", COMMANDS)
def test_both_engines_give_the_same_bytes(
    files: Path, weights: Path, typed: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (files / "pages" / "c.tif").write_bytes(tiff([page_image(0), Image.new("RGB", (5, 5)), page_image(2)]))
    (files / "pages" / "twice.tif").write_bytes(tiff([page_image(0), page_image(0)]))
    page_image(7).save(files / "crops" / "a.png")
    Image.new("RGB", (90, 80), "white").save(files / "crops" / "blank.png")
    Image.fromarray(coloured(ink("ORION 77"))).save(files / "crops" / "1.png")
    Image.fromarray(coloured(ink("VESTA 41"))).save(files / "crops" / "2.png")
    monkeypatch.setattr(hub.weights, "BUNDLED", (measured(files, weights),))
    monkeypatch.setattr("stamp2vec.comparison.dies.MAX_INK_LOOKS", 4)
    server = StandIn(DocumentPipeline.from_preset())
    remote = outputs(typed, ["--gateway", server.address], capsys)
    server.close()
    local = outputs(typed, [], capsys)
    assert local[:2] == remote[:2]
    # A stream is read ahead: a file that cannot be read may be reported before the errors of those before it.
    assert sorted(local[2].splitlines()) == sorted(remote[2].splitlines())
    assert local[3] == remote[3]
    assert local[1] or local[3] or local[2]


def test_a_number_prints_as_it_does_after_the_wire() -> None:
    box = common_pb2.Box(x1=1281.5795)  # as a float64 it rounds up, as a float32 it rounds down
    assert rounded(1281.5795, 3) == rounded(box.x1, 3) == 1281.579


def test_analyze_writes_crops_and_masks(files: Path, where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (files / "pages" / "c.tif").write_bytes(tiff([page_image(0), page_image(2)]))
    options = ["--min-score", "0.6", "--crops", "out/crops", "--masks", "out/masks"]
    assert main(["analyze", "pages/c.tif", "--json", *options, *where]) == 0
    rows = lines(capsys.readouterr().out)
    result = DocumentPipeline.from_preset()(
        (files / "pages" / "c.tif").read_bytes(), min_score=0.6, include_masks=True, include_crops=True
    )
    stamps = [stamp for page in result.pages for stamp in page.stamps]
    printed = [stamp for row in rows for stamp in row["stamps"]]  # type: ignore[attr-defined]
    assert len(result.pages[1].stamps) > 0
    assert [row["crop"] for row in printed] == [f"out/crops/c-{number + 1}.png" for number in range(len(stamps))]
    assert [row["mask"] for row in printed] == [f"out/masks/c-{number + 1}.png" for number in range(len(stamps))]
    for row, stamp in zip(printed, stamps, strict=True):
        assert row["crop_box"] == list(stamp.crop_box)
        np.testing.assert_array_equal(np.asarray(Image.open(row["crop"])), stamp.crop)
        np.testing.assert_array_equal(np.asarray(Image.open(row["mask"])), stamp.mask)
        assert "vector" not in row


def test_analyze_writes_strips_and_clean_stamps(
    files: Path, where: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--min-score", "0.6", "--unrolled", "out/strips", "--clean", "out/clean"]
    assert main(["analyze", "pages/a.png", "--json", *options, *where]) == 0
    page: Any = lines(capsys.readouterr().out)[0]
    result = DocumentPipeline.from_preset()(
        Path("pages/a.png").read_bytes(), min_score=0.6, include_unrolled=True, include_clean_stamps=True
    )
    stamps = result.pages[0].stamps
    assert any(stamp.unrolled for stamp in stamps)
    for number, (row, stamp) in enumerate(zip(page["stamps"], stamps, strict=True), 1):
        assert row["transparent"] == f"out/clean/a-{number}.png"
        assert row["ink"] == f"out/clean/a-{number}-white.png"
        np.testing.assert_array_equal(np.asarray(Image.open(row["transparent"])), stamp.transparent)
        np.testing.assert_array_equal(np.asarray(Image.open(row["ink"])), stamp.ink)
        for strip, written in zip(stamp.unrolled, row.get("unrolled", []), strict=True):
            np.testing.assert_array_equal(np.asarray(Image.open(written["file"])), strip.pixels)
            assert ("ring" in written) == isinstance(strip.place, Ring)


def test_analyze_writes_no_stamp_over_another(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page_image(0).save(files / "crops" / "a.png")
    assert main(["analyze", "pages/a.png", "crops/a.png", "--json", "--crops", "out"]) == 1
    captured = capsys.readouterr()
    first, second = lines(captured.out)
    assert "crop" in first["stamps"][0]  # type: ignore[index]
    assert "crop" not in second["stamps"][0]  # type: ignore[index]
    assert captured.err == "stamp2vec: crops/a.png: another file has been written to out/a-1.png: rename one of them\n"


@pytest.fixture
def server(files: Path) -> Iterator[StandIn]:
    running = StandIn(DocumentPipeline.from_preset())
    yield running
    running.close()


@pytest.mark.parametrize(
    ("options", "vectors", "masks", "crops"),
    [
        ([], True, False, False),
        (["--json"], False, False, False),
        (["--json", "--vectors"], True, False, False),
        (["--json", "--masks", "m", "--crops", "c"], False, True, True),
        (["--crops", "c"], True, False, True),
    ],
)
def test_a_gateway_computes_what_is_shown(
    server: StandIn, options: list[str], vectors: bool, masks: bool, crops: bool
) -> None:
    assert main(["analyze", "pages/a.png", *options, "--gateway", server.address]) == 0
    asked = server.requests[-1].document
    assert (asked.include_vectors, asked.include_masks, asked.include_crops) == (vectors, masks, crops)
    assert not asked.HasField("prior")
    assert main(["analyze", "pages/a.png", *options, "--prior", "0.25", "--gateway", server.address]) == 0
    assert server.requests[-1].document.prior == 0.25


def test_calls_are_bulk_unless_a_person_waits(server: StandIn) -> None:
    gateway = ["--gateway", server.address]
    for options, priority in (([], common_pb2.PRIORITY_BULK), (["--interactive"], common_pb2.PRIORITY_INTERACTIVE)):
        assert main(["analyze", "pages/a.png", "--json", *options, *gateway]) == 0
        assert server.requests[-1].document.priority == priority
        assert main(["embed", "crops/1.png", "--out", "v.npz", *options, *gateway]) == 0
        assert server.requests[-1].priority == priority
        assert main(["segment", "crops/1.png", "--crop", "--out", "m", *options, *gateway]) == 0
        assert server.requests[-1].priority == priority


def test_a_model_is_chosen_by_name(server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    gateway = ["--gateway", server.address]
    assert main(["embed", "crops/1.png", "--out", "v.npz", "--model", "tvae@0.0.1", *gateway]) == 0
    assert server.requests[-1].model.name == "tvae@0.0.1"
    assert main(["compare", "crops/1.png", "crops/2.png", "--model", "tvae", *gateway]) == 0
    assert server.requests[-1].model.name == "tvae"
    capsys.readouterr()
    assert main(["embed", "crops/1.png", "--out", "v.npz", "--model", "hvae", *gateway]) == 2
    assert capsys.readouterr().err == "stamp2vec: there is no model hvae\n"


def test_tls_and_a_token(
    files: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    own, other = certificate(tmp_path, "own"), certificate(tmp_path, "other")
    server = StandIn(DocumentPipeline.from_preset(), own.server())
    gateway = ["models", "--gateway", server.address]
    assert main([*gateway, "--ca", str(own.path)]) == 0
    monkeypatch.setenv("STAMP2VEC_TOKEN", "of-the-environment\n")
    assert main([*gateway, "--ca", str(own.path)]) == 0
    (tmp_path / "token").write_text("of-the-file\n")
    assert main([*gateway, "--ca", str(own.path), "--token-file", "token"]) == 0
    monkeypatch.setenv("SSL_CERT_FILE", str(own.path))
    assert main([*gateway, "--tls"]) == 0
    assert server.authorization == [
        None,
        "Bearer of-the-environment",
        "Bearer of-the-file",
        "Bearer of-the-environment",
    ]
    capfd.readouterr()
    assert main([*gateway, "--ca", str(other.path)]) == 2
    assert f"the certificate of {server.address} cannot be verified" in capfd.readouterr().err
    assert main([*gateway]) == 2
    assert len(server.authorization) == 4
    server.close()


def test_an_empty_token_is_none_in_the_environment_and_an_error_in_a_file(
    server: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STAMP2VEC_TOKEN", "")
    assert main(["models", "--gateway", server.address]) == 0
    assert server.authorization == [None]
    Path("empty").write_text("\n")
    assert main(["models", "--gateway", server.address, "--token-file", "empty"]) == 2
    assert "--token-file empty is empty" in capsys.readouterr().err


def test_tls_failures_are_one_line_on_stderr(files: Path, tmp_path: Path) -> None:
    own, other = certificate(tmp_path, "own"), certificate(tmp_path, "other")
    server = StandIn(DocumentPipeline.from_preset(), own.server())
    command = [sys.executable, "-m", "stamp2vec.cli", "models", "--gateway", server.address, "--ca", str(other.path)]
    environment = {name: value for name, value in os.environ.items() if name != "GRPC_VERBOSITY"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    server.close()
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_drawn_on_a_terminal_only() -> None:
    for stream, expected in ((Terminal(), "\r2 files\r\x1b[Kstamp2vec: a: b\n"), (io.StringIO(), "stamp2vec: a: b\n")):
        report = Report(stream)
        report.advance(2)
        report.fail("a", ValueError("b"))
        report.close()
        assert stream.getvalue() == expected
        assert report.failures == 1


def test_damaged_weights_exit_with_2(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "weights" / "tvae" / "0.0.1"
    manifest, state = hub.load("tvae")
    hub.save(folder, manifest, state)
    (folder / hub.WEIGHTS).write_bytes(b"damaged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub.weights, "BUNDLED", (tmp_path / "weights",))
        assert main(["embed", "crops/1.png", "--out", "v.npz"]) == 2
    assert "is damaged" in capsys.readouterr().err


def test_a_pipe_that_closes_early_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "stamp2vec.cli", "models"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
