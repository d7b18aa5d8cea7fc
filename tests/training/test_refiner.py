"""What a refiner learns from: windows of drawn pages, moved and turned with their truth; what its answers mean."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from stamp2vec import engines
from stamp2vec.calibration import RefinementCalibration
from stamp2vec.detection.refinement import Windows
from stamp2vec.document import Refiner
from stamp2vec.imaging import Square
from stamp2vec.models.stamp_refine import BINS, StampRefine, answer
from stamp2vec.pipelines import DetectionPipeline
from stamp2vec.values import Detection, StampType, Task
from tests.library.conftest import manifest
from training.evaluate.truth import TruePage, TrueStamp
from training.refiner import calibrate, candidates, windows
from training.refiner.train import SIZE, Batches, augmented, refinement_loss, same_shape_overlap
from training.synth.backgrounds import Backgrounds
from training.synth.fonts import Split
from training.synth.page import make_page

PAGES = range(7, 13)


@pytest.fixture(scope="module")
def cut() -> list[tuple[np.ndarray, np.ndarray]]:
    """The windows of some drawn pages, without those of a detector."""
    pages = [make_page(seed, Split.TRAIN, Backgrounds.drawn()) for seed in PAGES]
    rng = np.random.default_rng(0)
    return [windows.windows(page.image, page.stamps, [], rng, seed) for page, seed in zip(pages, PAGES, strict=True)]


def test_every_stamp_has_a_window_and_some_are_around_nothing(cut: list[tuple[np.ndarray, np.ndarray]]) -> None:
    for (pixels, rows), seed in zip(cut, PAGES, strict=True):
        stamps = make_page(seed, Split.TRAIN, Backgrounds.drawn()).stamps
        assert pixels.shape == (len(stamps) + windows.STRAY, windows.SIDE, windows.SIDE, 3)
        assert (rows[:, windows.SOURCE] == windows.TRUE).sum() == len(stamps)
        of_stamps = rows[: len(stamps)]
        np.testing.assert_allclose(of_stamps[:, windows.IOU], 1)
        np.testing.assert_allclose(of_stamps[:, windows.BOX], of_stamps[:, windows.TRUTH])
        angles = np.degrees(np.arctan2(of_stamps[:, windows.ROTATION][:, 1], of_stamps[:, windows.ROTATION][:, 0]))
        expected = [math.remainder(stamp.angle_deg, 360) for stamp in stamps]
        np.testing.assert_allclose(angles, expected, atol=1e-3)
    assert sum(len(rows) for _, rows in cut) > len(PAGES) * windows.STRAY


def test_candidates_of_detectors_are_cut_out_with_their_scores() -> None:
    page = make_page(7, Split.TRAIN, Backgrounds.drawn())
    detector = DetectionPipeline(engines.load("yolo-stamp", Task.DETECT))
    found = detector(page.image, min_score=windows.LEAST_SCORE, max_detections=windows.MOST)
    assert found
    _, rows = windows.windows(page.image, page.stamps, [detector], np.random.default_rng(0), 7)
    np.testing.assert_allclose(rows[-len(found) :, windows.SCORE], [each.score for each in found], rtol=1e-5)
    assert (rows[-len(found) :, windows.SOURCE] == 2).all()


def test_what_is_written_is_read_and_names_its_pages(cut: list[tuple[np.ndarray, np.ndarray]], tmp_path: Path) -> None:
    (first, pages), (second, _) = windows.files(3, windows.PAGES_A_FILE + 1)
    assert (first, second) == ("000030000000", "000030000050")
    assert list(pages) == list(range(30_000_000, 30_000_050))
    windows.write(tmp_path, first, *cut[0])
    ((pixels, rows),) = windows.read(tmp_path)
    np.testing.assert_array_equal(pixels, cut[0][0])
    np.testing.assert_array_equal(rows, cut[0][1])
    batch, of_batch = next(iter(Batches(tmp_path, 4, 0)))
    assert (batch.shape, of_batch.shape) == ((4, windows.SIDE, windows.SIDE, 3), (4, windows.WIDTH))
    with pytest.raises(ValueError, match="has no windows"):
        next(iter(Batches(tmp_path / "none", 4, 0)))


def marked(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows with a black bar, dark red at its right end, as stamps of a rotation of 0; their rows."""
    pixels = np.full((count, windows.SIDE, windows.SIDE, 3), 255, np.uint8)
    longer = windows.SIDE / windows.TIMES
    middle = windows.SIDE / 2
    x1, x2, y1, y2 = middle - longer / 2, middle + longer / 2, middle - 10, middle + 10
    pixels[:, round(y1) : round(y2), round(x1) : round(x2)] = 0
    pixels[:, round(y1) : round(y2), round(x2) - 12 : round(x2)] = (120, 0, 0)
    rows = np.zeros((count, windows.WIDTH), np.float32)
    rows[:, windows.BOX] = rows[:, windows.TRUTH] = x1, y1, x2, y2
    rows[:, windows.IOU], rows[:, windows.ROTATION] = 1, (1, 0)
    rows[:, windows.SOURCE] = windows.TRUE
    return torch.from_numpy(pixels), torch.from_numpy(rows)


def test_the_truth_moves_and_turns_with_its_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.refiner.train.recolour", lambda pixels, random: pixels)
    seen, target = augmented(*marked(200), torch.Generator().manual_seed(0))
    assert seen.shape == (200, SIZE, SIZE, 3)
    turned = 0
    for picture, box, rotation, boxed in zip(seen.numpy(), target.box, target.rotation, target.boxed, strict=True):
        dark = picture[..., 1] < 128
        assert dark.any()
        ys, xs = np.nonzero(dark)
        red = picture[..., 0] > picture[..., 1] + 60.0
        if not red.any() or min(xs.min(), ys.min()) == 0 or max(xs.max(), ys.max()) == SIZE - 1:
            continue  # a part of it is beyond the window
        if boxed:
            np.testing.assert_allclose(box.numpy() * SIZE, [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], atol=2)
        end = np.argwhere(red).mean(0)[::-1] - np.array([xs.mean(), ys.mean()])
        likeliest = (float(rotation.argmax()) + 0.5) * 360 / BINS
        off = math.remainder(math.degrees(math.atan2(end[1], end[0])) - likeliest, 360)
        assert abs(off) <= 180 / BINS + 3
        turned += abs(math.remainder(likeliest, 360)) > 30
    assert turned > 20


@pytest.mark.parametrize(
    ("middle", "longer", "overlap"),
    [((50.0, 50.0), 100.0, 1.0), ((50.0, 50.0), 50.0, 0.25), ((150.0, 50.0), 100.0, 0.0)],
)
def test_an_overlap_is_with_a_box_of_the_stamps_own_shape(
    middle: tuple[float, float], longer: float, overlap: float
) -> None:
    truth = torch.tensor([[0.0, 40.0, 100.0, 60.0]])
    found = same_shape_overlap(truth, torch.tensor([middle]), torch.tensor([longer]))
    assert found.item() == pytest.approx(overlap)


def test_a_network_learns_a_batch() -> None:
    torch.manual_seed(0)
    network, random = StampRefine(), torch.Generator().manual_seed(0)
    seen, target = augmented(*marked(4), random)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(12):
        loss, figures = refinement_loss(network.raw(seen), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    assert figures.keys() == {"score", "box", "rotation", "type"}
    assert all(map(math.isfinite, figures.values()))
    assert answer(network.eval().raw(seen), SIZE).shape == (4, 13)


def seen_page(rng: np.random.Generator, says: float) -> calibrate.Seen:
    """A page with one stamp and two candidates with scores that mean nothing; the refiner says which is the stamp."""
    stamp, other = (20.0, 20.0, 60.0, 50.0), (120.0, 20.0, 160.0, 50.0)
    page = TruePage(Path("none"), 200, 100, (TrueStamp(stamp),))
    found = [Detection(box, float(rng.uniform(0.3, 0.7)), StampType.OVAL, 0.0, None) for box in (stamp, other)]
    found.sort(key=lambda each: -each.score)
    squares = [Square.around(each.box, 1.5) for each in found]
    answers = []
    for each, square in zip(found, squares, strict=True):
        logit = says * (1 if each.box == stamp else -1) + float(rng.normal())
        box = square.from_page(np.array(each.box), SIZE)
        answers.append(np.array([*box, logit, 0.0, 1.0, 1.0], np.float32))
    return calibrate.Seen(page, found, Windows((), squares, SIZE, 100, 200), answers)


def test_calibration_counts_each_by_what_it_knows() -> None:
    info = dataclasses.replace(manifest("stamp-refine", Task.REFINE, {}, SIZE, 0)).info
    first = Refiner(info, RefinementCalibration("yolo-stamp@0.0.1", 0.0, 0.5, 1.0, 0.5, 0.5))
    rng = np.random.default_rng(0)
    knowing = calibrate.calibrated([seen_page(rng, 1.5) for _ in range(60)], first).calibration
    assert knowing.by_refiner > 1
    assert abs(knowing.intercept) < 1
    assert 0 < knowing.threshold < 1
    ignorant = calibrate.fit([seen_page(rng, 0.0) for _ in range(300)], first).calibration
    assert ignorant.by_refiner < 0.2


def test_pages_that_were_not_searched_are_named(tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text("")
    candidates.stored(tmp_path, "yolo-stamp").write_text("[]\n")
    with pytest.raises(ValueError, match="has searched 1 of 0 pages"):
        candidates.read(tmp_path, "yolo-stamp")
