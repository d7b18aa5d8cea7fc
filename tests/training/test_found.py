"""What the segmenter learns from beside stamps: crops of all that a detector found on drawn pages."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from stamp2vec import hub
from stamp2vec.manifest import Manifest, Preset, Task
from stamp2vec.pipelines import StampUnetPipeline, YoloStampPipeline
from training.segmenter import calibrate
from training.segmenter.found import MEANT, NOTHING, cut, shared, write
from training.segmenter.train import INK
from training.synth.backgrounds import Backgrounds
from training.synth.crop_shards import read_pixels
from training.synth.fonts import Split
from training.synth.page import StampedPage, make_page

WEIGHTS = Path(__file__).parents[2] / "weights"


@pytest.fixture(scope="module")
def page() -> StampedPage:
    """A drawn page with two stamps at least."""
    backgrounds = Backgrounds.drawn(2)
    pages = (make_page(seed, Split.TRAIN, backgrounds, dpi=75) for seed in range(100))
    return next(page for page in pages if len(page.stamps) >= 2)


def test_a_box_of_a_stamp_comes_with_its_ink(page: StampedPage) -> None:
    boxes = np.array([stamp.box for stamp in page.stamps])
    for stamp, (view, kind) in zip(page.stamps, cut(page, boxes), strict=True):
        assert view.shape == (256, 256, 4)
        assert kind == stamp.kind.value
        inked = view[..., 3] > 127
        assert inked.any()
        brightness = view[..., :3].min(2)
        assert brightness[inked].mean() < brightness[~inked].mean()


def test_what_is_no_stamp_has_no_ink(page: StampedPage) -> None:
    height, width = page.image.shape[:2]
    taken = np.array([stamp.box for stamp in page.stamps])
    places = [np.array([x, y, x + 60, y + 30]) for x in range(0, width - 60, 30) for y in range(0, height - 30, 30)]
    free = next(box for box in places if all(shared(box, other) < MEANT for other in taken))
    [(view, kind)] = cut(page, free[None])
    assert kind == NOTHING
    assert not view[..., 3].any()


def test_the_ink_of_a_stamp_that_only_reaches_in_is_not_meant(page: StampedPage) -> None:
    x1, y1, x2, y2 = page.stamps[0].box
    width, height = x2 - x1, y2 - y1
    beside = np.array([[x1 + 0.8 * width, y1, x2 + 2 * width, y2 + height]])
    half = np.array([[x1, y1, x1 + 0.5 * width, y2]])
    others = [np.array(stamp.box) for stamp in page.stamps[1:]]
    assert all(shared(beside[0], other) < MEANT for other in others)
    assert next(cut(page, beside))[1] == NOTHING
    assert next(cut(page, half))[1] == page.stamps[0].kind.value


@pytest.mark.parametrize(
    ("box", "share"), [((0, 0, 10, 10), 1.0), ((5, 0, 15, 10), 0.5), ((20, 20, 30, 30), 0.0), ((0, 0, 100, 100), 1.0)]
)
def test_a_share_is_of_the_smaller_box(box: tuple[float, ...], share: float) -> None:
    assert shared(np.array(box), np.array([0, 0, 10, 10])) == pytest.approx(share)


def test_shards_that_are_there_are_kept(tmp_path: Path) -> None:
    detector = YoloStampPipeline.from_pretrained("yolo-stamp")
    backgrounds = Backgrounds.drawn(2)
    write(tmp_path, Split.TEST, backgrounds, detector, 2)
    [kinds] = tmp_path.glob("*.kind.npy")
    crops = read_pixels(tmp_path)
    assert len(crops) == len(np.load(kinds)) > 0
    before = kinds.stat().st_mtime_ns
    write(tmp_path, Split.TEST, backgrounds, detector, 2)
    assert kinds.stat().st_mtime_ns == before


def test_lower_scores_only_add_ink(page: StampedPage) -> None:
    detector, segmenter = (
        YoloStampPipeline.from_pretrained("yolo-stamp"),
        StampUnetPipeline.from_pretrained("stamp-unet"),
    )
    rows = calibrate.counts(page, detector, segmenter)
    assert rows.shape == (len(calibrate.SCORES), 2)
    assert (np.diff(rows, axis=0) <= 0).all()  # scores rise, so ink falls
    assert (rows[:, 0] <= rows[:, 1]).all()
    truth = (page.mask > INK * 255).sum()
    assert truth <= rows[-1, 1]
    assert rows[0, 0] > 0


def test_the_best_score_is_written_into_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "stamp-unet"
    shutil.copytree(WEIGHTS / "stamp-unet" / hub.for_preset(Task.SEGMENT, Preset.FAST).version, model)
    monkeypatch.setattr(Backgrounds, "cached", lambda *_: Backgrounds.drawn(2))
    monkeypatch.setattr("sys.argv", ["calibrate", str(model), "--detector", "yolo-stamp", "--count", "3"])
    assert calibrate.main() == 0
    written = Manifest.from_json((model / hub.MANIFEST).read_bytes())
    assert written.threshold in calibrate.SCORES
    assert (
        f"{written.threshold:5.2f} {written.metrics['synthetic_iou_pages']:.4f} <- written" in capsys.readouterr().out
    )


def test_what_cannot_be_calibrated_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["calibrate", str(tmp_path), "--detector", "yolo-stamp"])
    assert calibrate.main() == 2
    assert capsys.readouterr().err.startswith("calibrate: ")
