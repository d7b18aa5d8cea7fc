import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stamp2vec.pipelines import DetectionPipeline
from stamp2vec.values import StampType
from training.detector.pages import OUTLINE, Batches, Framing, augment, read_pages
from training.detector.teach import LEAST, teach
from training.synth.die import DieKind

BOX = (300, 380, 420, 440)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Four pages, each with one black rectangle at its labelled box."""
    rows = []
    for index in range(4):
        page = np.full((640, 640, 3), 255, np.uint8)
        page[BOX[1] : BOX[3], BOX[0] : BOX[2]] = 0
        Image.fromarray(page).save(tmp_path / f"{index}.png")
        rows.append({"file": f"{index}.png", "boxes": [BOX], "kinds": ["date"], "angles": [90.0]})
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_every_kind_of_die_has_an_outline() -> None:
    assert set(OUTLINE) == set(DieKind)


def test_labels_become_boxes_rotations_and_types(shards: Path) -> None:
    (row,) = read_pages(shards)[0].stamps
    np.testing.assert_allclose(row, [*BOX, 0, 1, list(StampType).index(StampType.WORD), 1], atol=1e-6)


def test_boxes_follow_the_pixels(shards: Path) -> None:
    page = read_pages(shards)[0]
    seen = sideways = 0
    for seed in range(60):
        pixels, stamps, _ = augment(page, Framing(256, 640, 0.4, 1.5), np.random.default_rng(seed))
        assert pixels.shape == (256, 256, 3)
        dark = pixels.mean(2) < 128
        if len(stamps):
            seen += 1
            y, x = np.nonzero(dark)
            found = [x.min(), y.min(), x.max() + 1, y.max() + 1]
            np.testing.assert_allclose(stamps[0, :4], found, atol=2.5)
            shape = (found[2] - found[0]) / (found[3] - found[1])
            if abs(abs(np.log2(shape)) - 1) < 0.1:  # no side of it is cut off
                upright = abs(stamps[0, 5]) > 0.5  # labelled 90 degrees, before the page is rotated
                assert upright == (shape > 1)
                sideways += not upright
    assert seen > 30  # pictures are laid where stamps are
    assert 0 < sideways < seen / 3


def test_a_teachers_stamps_are_augmented_like_the_truth(shards: Path) -> None:
    stamps = [[*BOX, 0, 1, 4, 0.6]]
    (shards / "taught.jsonl").write_text(json.dumps({"file": "0.png", "stamps": stamps}) + "\n")
    pages = read_pages(shards)
    np.testing.assert_array_equal(pages[1].teacher, pages[1].stamps)  # not processed yet
    _, truth, teacher = augment(pages[0], Framing(256, 640, 0.4, 0.4), np.random.default_rng(0))
    assert teacher is not None
    np.testing.assert_allclose(teacher[:, :7], truth[:, :7], atol=1e-5)
    np.testing.assert_allclose(teacher[:, 7], [0.6])


def test_a_batch_has_teacher_targets_when_all_pages_have(shards: Path) -> None:
    framing = Framing(128, 640, 0.5, 1.0)
    pixels, truth, teacher = next(iter(Batches(shards, framing, 4, 0)))
    assert pixels.shape == (4, 128, 128, 3)
    assert truth.boxes.shape == (4, 1, 4)
    assert teacher is None
    rows = [{"file": f"{index}.png", "stamps": []} for index in range(4)]
    (shards / "taught.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    _, _, teacher = next(iter(Batches(shards, framing, 4, 0)))
    assert teacher is not None
    assert not teacher.weight.any()


def test_fewer_pages_than_a_batch_are_refused(shards: Path) -> None:
    with pytest.raises(ValueError, match="has 4 pages: render more"):
        next(iter(Batches(shards, Framing(128, 640, 0.5, 1.0), 5, 0)))


def test_an_incomplete_line_is_ignored(shards: Path) -> None:
    with (shards / "labels.jsonl").open("a") as labels:
        labels.write('{"file": "4.png", "box')
    assert len(read_pages(shards)) == 4


def test_teaching_writes_detections_and_resumes(tmp_path: Path) -> None:
    sample = Path(__file__).parents[2] / "docs/sample/page.jpg"
    label: dict[str, list[str]] = {"boxes": [], "kinds": [], "angles": []}
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(sample, tmp_path / name)
        with (tmp_path / "labels.jsonl").open("a") as labels:
            labels.write(json.dumps({"file": name, **label}) + "\n")
        teach(DetectionPipeline.from_pretrained("yolo-stamp"), tmp_path)
    assert [json.loads(line)["file"] for line in (tmp_path / "taught.jsonl").open()] == ["a.jpg", "b.jpg"]
    first, second = (page.teacher for page in read_pages(tmp_path))
    assert first is not None
    np.testing.assert_array_equal(first, second)
    assert len(first) >= 4
    np.testing.assert_allclose(np.hypot(first[:, 4], first[:, 5]), 1, atol=1e-5)
    assert (first[:, 7] >= LEAST - 1e-6).all()
