import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.cocoeval import COCOeval

from stamp2vec import hub
from stamp2vec.hub.manifest import Manifest
from stamp2vec.models.yolo_stamp import YoloStamp
from stamp2vec.values import Preset, Task
from training.evaluate.__main__ import main
from training.evaluate.detection import (
    Matches,
    calibration_error,
    coco,
    interval,
    match,
    measure,
    reliability,
    training_metrics,
)
from training.evaluate.montage import alarms, misses, montage
from training.evaluate.report import match_pages, slices
from training.evaluate.truth import (
    ROTATION_EDGES,
    SIZE_EDGES,
    TruePage,
    TrueStamp,
    bucket,
    read_kit,
    read_shards,
    rotation_bucket,
)
from training.synth.backgrounds import Backgrounds
from training.synth.fonts import Split
from training.synth.shards import write

A, B, C = (10.0, 10, 50, 50), (100.0, 10, 140, 50), (10.0, 100, 90, 120)
BARE = (150.0, 150, 190, 190)


def rows(*values: tuple[float, ...], columns: int = 4) -> np.ndarray:
    return np.array([value for value in values if value], float).reshape(-1, columns)


def found(*values: tuple[float, ...]) -> np.ndarray:
    return rows(*values, columns=5)


def matches_of(*pages: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Matches:
    truths, ignored, boxes = zip(*pages)
    return match(truths, ignored, boxes)


@pytest.fixture
def known() -> Matches:
    """Ranks: true 0.9, true 0.8, false 0.7 on a page with a stamp, false 0.6 on a bare one, true 0.3; one is missed."""
    return matches_of(
        (rows(A, B), rows(), found((*A, 0.9), (*BARE, 0.7))),
        (rows(A, C), rows(), found((*A, 0.8), (*C, 0.3))),
        (rows(), rows(), found((*BARE, 0.6))),
        (rows(), rows(), found()),
    )


def test_figures_of_a_known_case(known: Matches) -> None:
    figures = measure(known, 0.65)
    # Precision 1 up to a recall of 2/4 (51 of 101 recalls), 3/5 up to 3/4 (25 more), nothing beyond.
    assert figures.ap50 == pytest.approx((51 + 25 * 3 / 5) / 101)
    assert figures.ap == pytest.approx(figures.ap50)  # every box that hits hits exactly
    assert figures.precision == pytest.approx(2 / 3)
    assert figures.recall == pytest.approx(2 / 4)
    assert figures.f1 == pytest.approx(2 * 2 / (3 + 4))
    assert figures.recall_at_0_1_fp == pytest.approx(2 / 4)  # no false box allowed: 0.4 on 4 pages
    assert figures.recall_at_1_fp == pytest.approx(3 / 4)
    assert figures.fp_per_stamp_free_page == 0
    assert measure(known, 0.6).fp_per_stamp_free_page == pytest.approx(1 / 2)


def test_the_finder_of_each_stamp_is_its_box(known: Matches) -> None:
    assert [finder.tolist() for finder in known.finder] == [[0, -1], [0, 1], [], []]


def test_ap_falls_with_the_iou_that_boxes_reach() -> None:
    # 40 x 40 against 40 x 30: IoU 0.75, so true at 0.50, 0.55 .. 0.75 and false at the other four.
    figures = measure(matches_of((rows(A), rows(), found((10, 10, 50, 40, 0.9)))), 0.5)
    assert figures.ap50 == pytest.approx(1)
    assert figures.ap == pytest.approx(0.6)


def test_a_second_box_on_a_stamp_is_false() -> None:
    figures = measure(matches_of((rows(A), rows(), found((*A, 0.9), (11, 11, 51, 51, 0.8)))), 0.5)
    assert (figures.precision, figures.recall) == (0.5, 1)


def test_boxes_on_ignored_stamps_are_neither_right_nor_wrong() -> None:
    ignoring = matches_of((rows(A), rows(B), found((*B, 0.95), (*A, 0.9))), (rows(), rows(B), found((*B, 0.9))))
    figures = measure(ignoring, 0.5)
    assert (figures.precision, figures.recall) == (1, 1)
    assert figures.ap50 == pytest.approx(1)
    assert np.isnan(figures.fp_per_stamp_free_page)  # a page with an ignore box is not free of stamps


def test_boxes_of_equal_score_pass_a_threshold_together() -> None:
    level = matches_of((rows(A), rows(), found((*A, 0.9), (*BARE, 0.9))))
    assert measure(level, 0.5).recall_at_0_1_fp == 0
    assert measure(level, 0.5).recall_at_1_fp == 1


def test_without_stamps_there_is_no_recall_but_there_are_false_boxes() -> None:
    figures = measure(matches_of((rows(), rows(), found((*A, 0.9), (*B, 0.2)))), 0.5)
    assert np.isnan([figures.ap50, figures.ap, figures.recall, figures.recall_at_1_fp]).all()
    assert (figures.precision, figures.f1, figures.fp_per_stamp_free_page) == (0, 0, 1)


def test_without_boxes_there_is_no_precision() -> None:
    figures = measure(matches_of((rows(A), rows(), found())), 0.5)
    assert np.isnan(figures.precision)
    assert (figures.ap50, figures.recall, figures.recall_at_1_fp) == (0, 0, 0)


def random_pages(seed: int) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Crowded pages of shifted and invented boxes, so that matches are contested at every IoU."""
    rng = np.random.default_rng(seed)
    truths, ignored, boxes = [], [], []
    for _ in range(12):
        corners = rng.uniform(0, 150, (6, 2))
        real = np.concatenate([corners, corners + rng.uniform(20, 60, (6, 2))], 1)
        kept = rng.integers(0, 6)
        truths.append(real[:kept])
        ignored.append(real[5:] if rng.random() < 0.3 else rows())
        shifted = np.concatenate([real, real[rng.integers(0, 6, 5)]]) + rng.normal(0, 4, (11, 4))
        boxes.append(np.concatenate([shifted, rng.uniform(0.01, 1, (11, 1))], 1)[: rng.integers(0, 12)])
    return truths, ignored, boxes


@pytest.mark.parametrize("seed", range(4))
def test_average_precision_is_that_of_coco(seed: int) -> None:
    truths, ignored, boxes = random_pages(seed)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = COCOeval(
            coco(truths, ignored), coco([b[:, :4] for b in boxes], scores=[b[:, 4] for b in boxes]), "bbox"
        )
        evaluator.evaluate()
        evaluator.accumulate()
    figures = measure(match(truths, ignored, boxes), 0.5)
    precision = evaluator.eval["precision"][:, :, 0, 0, 2]
    assert figures.ap50 == pytest.approx(precision[0].mean())
    assert figures.ap == pytest.approx(precision.mean())


def test_a_page_that_counts_twice_counts_as_two_pages() -> None:
    truths, ignored, boxes = random_pages(5)
    times = np.array([2, 0, 1, 3] * 3)
    repeated = np.repeat(np.arange(12), times)
    again = match([truths[i] for i in repeated], [ignored[i] for i in repeated], [boxes[i] for i in repeated])
    weighted = measure(match(truths, ignored, boxes), 0.4, times)
    # Copies of a page tie in score, so a curve may be read between them: AP may differ a little, counts may not.
    np.testing.assert_allclose(weighted[2:], measure(again, 0.4)[2:])
    np.testing.assert_allclose(weighted[:2], measure(again, 0.4)[:2], atol=0.03)


def test_the_interval_is_that_of_a_proportion() -> None:
    pages = [(rows(A), rows(), found((*A, 0.9)) if number % 2 else found()) for number in range(100)]
    low, high = interval(matches_of(*pages), 0.5)
    # Half of 100 found: the standard error is 0.05.
    assert low.recall == pytest.approx(0.5 - 1.96 * 0.05, abs=0.02)
    assert high.recall == pytest.approx(0.5 + 1.96 * 0.05, abs=0.02)
    assert (low.precision, high.precision) == (1, 1)
    assert np.isnan([low.fp_per_stamp_free_page, high.fp_per_stamp_free_page]).all()


def test_reliability_of_known_scores() -> None:
    boxes = [(*A, 0.95)] * 3 + [(*BARE, 0.95)] + [(*A, 0.15)] * 1 + [(*BARE, 0.15)] * 3
    pages = [(rows(A), rows(), found(box)) for box in boxes]
    low, high = reliability(matches_of(*pages).rankings[0])
    assert (low.low, low.count, low.true, high.low, high.count, high.true) == (0.1, 4, 0.25, 0.9, 4, 0.75)
    assert low.score == pytest.approx(0.15)
    assert high.score == pytest.approx(0.95)
    assert calibration_error([low, high]) == pytest.approx((0.10 + 0.20) / 2)
    claims = matches_of(*pages).rankings[0].at_least(0.5)
    assert calibration_error(reliability(claims)) == pytest.approx(0.20)


def test_a_score_of_one_lies_in_the_last_bin() -> None:
    (only,) = reliability(matches_of((rows(A), rows(), found((*A, 1.0)))).rankings[0])
    assert (only.low, only.true) == (0.9, 1)


def test_a_model_that_finds_nothing_still_has_figures() -> None:
    assert training_metrics([rows(A)], [found()], 0.1)["threshold"] == 1


@pytest.mark.parametrize(
    ("value", "edges", "expected"),
    [
        (0, SIZE_EDGES, "00-04"),
        (4, SIZE_EDGES, "04-08"),
        (31.9, SIZE_EDGES, "16-32"),
        (70, SIZE_EDGES, "32+"),
        (4.9, ROTATION_EDGES, "00-05"),
        (180, ROTATION_EDGES, "90+"),
    ],
)
def test_buckets_are_closed_below(value: float, edges: tuple[int, ...], expected: str) -> None:
    assert bucket(value, edges) == expected


@pytest.mark.parametrize(("angle", "expected"), [(-3, "00-05"), (358, "00-05"), (-170, "90+"), (400, "15-45")])
def test_rotation_is_from_upright_either_way(angle: float, expected: str) -> None:
    assert rotation_bucket(TrueStamp(A, angle_deg=angle)) == expected


def page(name: str, stamps: list[TrueStamp], capture: str = "fax") -> TruePage:
    return TruePage(Path(name), 200, 200, tuple(stamps), capture=capture)


def test_slices_count_their_own_and_ignore_the_others() -> None:
    red, blue = TrueStamp(A, ink="red", script="latin"), TrueStamp(B, ink="blue")
    pages = [page("0", [red, blue]), page("1", [red]), page("2", [], "photo")]
    boxes = [found((*A, 0.9), (*B, 0.8)), found((*BARE, 0.7)), found((*BARE, 0.6))]
    parts = {(part.by, part.value): part for part in slices(pages, boxes, 0.5)}
    assert {key for key in parts if key[0] in ("ink", "script", "capture", "degrees", "kind", "group")} == {
        ("ink", "red"),
        ("ink", "blue"),
        ("script", "latin"),
        ("capture", "fax"),
        ("capture", "photo"),
    }
    reds, blues, faxes, photos = (
        parts[key] for key in (("ink", "red"), ("ink", "blue"), ("capture", "fax"), ("capture", "photo"))
    )
    assert (reds.pages, reds.stamps, reds.figures["recall"].value) == (2, 2, 0.5)
    assert (blues.pages, blues.stamps, blues.figures["recall"].value) == (1, 1, 1)
    assert blues.figures["ap50"].value == 1  # the red stamp that was found beside it is no false box
    assert (faxes.pages, faxes.stamps, faxes.figures["recall"].value) == (2, 3, 0.6667)
    assert (photos.stamps, photos.figures["recall"].value) == (0, None)
    assert photos.figures["fp_per_stamp_free_page"].value == 1


def test_mistakes_are_sorted_worst_first() -> None:
    pages = [page("0", [TrueStamp(A), TrueStamp(C)]), page("1", [TrueStamp(A), TrueStamp(B)])]
    boxes = [found((*A, 0.3)), found((*A, 0.9), (*BARE, 0.6), (150, 20, 190, 40, 0.95), (*C, 0.1))]
    matches = match_pages(pages, boxes)
    missed, alarming = misses(pages, boxes, matches, 0.5), alarms(pages, boxes, matches, 0.5)
    # C is longer than B, neither has a box; A of the first page has one below the threshold; A of the second is found.
    assert [(m.path.name, tuple(m.focus)) for m in missed] == [("0", C), ("1", B), ("0", A)]
    assert missed[0].caption == "nothing near"
    assert missed[2].caption == "best 0.30, IoU 1.00"
    assert [tuple(m.focus) for m in alarming] == [(150, 20, 190, 40), BARE]
    assert alarming[0].caption == "score 0.95, IoU 0.00"


def test_the_montage_shows_the_page_with_truth_and_box(tmp_path: Path) -> None:
    Image.new("RGB", (200, 200), (200, 200, 255)).save(tmp_path / "0.png")
    pages = [TruePage(tmp_path / "0.png", 200, 200, (TrueStamp(A),))]
    boxes = [found((20, 20, 60, 60, 0.3))]
    sheet = montage([("Missed stamps", misses(pages, boxes, match_pages(pages, boxes), 0.5)), ("False alarms", [])])
    colours = {colour for _, colour in sheet.getcolors(1 << 20) or []}
    assert {(200, 200, 255), (0, 150, 80), (220, 30, 30)} <= colours


def kit(folder: Path, row: dict[str, object]) -> Path:
    Image.new("RGB", (200, 300), "white").save(folder / "page.png")
    (folder / "manifest.json").write_text(json.dumps([row]))
    return folder


KIT_ROW: dict[str, object] = {"file": "page.png", "width": 200, "height": 300, "group": "x", "boxes": [A]}


def test_a_kit_is_read(tmp_path: Path) -> None:
    (read,) = read_kit(kit(tmp_path, KIT_ROW | {"ignore_boxes": [B], "mask": None}))
    assert read == TruePage(tmp_path / "page.png", 200, 300, (TrueStamp(A),), (B,), group="x")


@pytest.mark.parametrize(
    "row", [{}, KIT_ROW | {"boxes": [[5, 5, 5, 9]]}, KIT_ROW | {"boxes": [[1, 2]]}, KIT_ROW | {"width": "wide"}]
)
def test_a_broken_kit_is_named(tmp_path: Path, row: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="row 1 is no page"):
        read_kit(kit(tmp_path, row))


def labels(folder: Path, **changes: object) -> Path:
    Image.new("RGB", (320, 320), "white").save(folder / "a.jpg")
    row = {"file": "a.jpg", "capture": "fax", "boxes": [A], "kinds": ["word"], "angles": [3.5], "inks": ["red"]}
    (folder / "labels.jsonl").write_text(json.dumps(row | changes) + "\n")
    return folder


def test_labels_are_read_with_scripts_where_they_are_known(tmp_path: Path) -> None:
    (without,) = read_shards(labels(tmp_path))
    assert without == TruePage(tmp_path / "a.jpg", 320, 320, (TrueStamp(A, "red", "word", None, 3.5),), capture="fax")
    (with_script,) = read_shards(labels(tmp_path, scripts=["cjk"]))
    assert with_script.stamps[0].script == "cjk"


def test_labels_that_do_not_fit_together_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line 1 is no page of training\.synth\.shards"):
        read_shards(labels(tmp_path, inks=[]))
    (tmp_path / "labels.jsonl").write_text('{"file": ')
    with pytest.raises(ValueError, match="line 1 is not JSON"):
        read_shards(tmp_path)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = YoloStamp(width=8)
    manifest = Manifest(
        "yolo-stamp", "0.0.1", Task.DETECT, "yolo-stamp", {"width": 8}, (Preset.FAST,), 128, 128,
        0.012, sum(p.numel() for p in network.parameters()), 64 * "0", 0, {}, {}, "Apache-2.0",
    )  # fmt: skip
    hub.save(tmp_path / "model", manifest, network.state_dict())
    return tmp_path / "model"


@pytest.mark.usefixtures("typefaces")
def test_a_rendered_set_is_scored_from_end_to_end(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Backgrounds, "cached", lambda *_: Backgrounds.drawn(count=2))
    shards, out = tmp_path / "shards", tmp_path / "out"
    assert list(write(shards, tmp_path, Split.TEST, count=4, size=320, seed=0, workers=1))[-1] == 4
    command = ["detect", "--shards", str(shards), "--model", str(model), "--out", str(out)]
    assert main(command) == 0
    text = capsys.readouterr().out
    (report,) = json.loads((out / "detect.json").read_text())
    truth = [json.loads(line) for line in (shards / "labels.jsonl").read_text().splitlines()]
    assert report["model"] == "yolo-stamp@0.0.1"
    assert report["data"] == "synthetic"
    assert report["pages"] == 4
    assert report["stamps"] == sum(len(line["boxes"]) for line in truth) > 0
    inks = {part["value"]: part["stamps"] for part in report["slices"] if part["by"] == "ink"}
    assert sum(inks.values()) == report["stamps"]
    assert f"on synthetic pages, {shards}" in text
    assert all(ink in text for ink in inks)
    scripts = {part["value"] for part in report["slices"] if part["by"] == "script"}
    assert scripts == {script for line in truth for script in line["scripts"]}
    with Image.open(out / "montage.png") as sheet:
        assert sheet.width > 1000
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [report]


def test_a_kit_is_scored_as_real_pages(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = kit(tmp_path, KIT_ROW)
    assert main(["detect", "--kit", str(folder), "--model", str(model), "--out", str(tmp_path / "out")]) == 0
    (report,) = json.loads((tmp_path / "out" / "detect.json").read_text())
    assert report["attributes"] is None  # unknown for the stamps of a kit
    assert (report["data"], report["pages"], report["stamps"]) == ("real", 1, 1)
    assert [part["value"] for part in report["slices"] if part["by"] == "group"] == ["x"]
    assert "on real pages" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flag", "advice"), [("--shards", "python -m training.synth.shards"), ("--kit", "name the folder of a kit")]
)
def test_a_wrong_folder_is_refused_with_advice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, advice: str
) -> None:
    assert main(["detect", flag, str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert advice in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_synthetic_and_real_are_never_scored_together(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["detect", "--shards", str(tmp_path), "--kit", str(tmp_path), "--out", str(tmp_path)])
