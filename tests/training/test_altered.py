"""Rendered pages made into long ones and negatives: every stamp lies where the truth says."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.evaluate.__main__ import main
from training.evaluate.altered import Alteration, altered
from training.evaluate.truth import TruePage, TrueStamp

BLUE = (20, 40, 200)


def pages(folder: Path, count: int) -> list[TruePage]:
    """White pages of different sizes, each with one blue rectangle, which is its stamp."""
    made = []
    for number in range(count):
        width, height = 400 + 50 * number, 560 + 70 * number
        box = (40 + number, 50, 140 + number, 120)
        pixels = np.full((height, width, 3), 255, np.uint8)
        pixels[box[1] : box[3], box[0] : box[2]] = BLUE
        path = folder / f"{number}.png"
        Image.fromarray(pixels).save(path)
        stamp = TrueStamp((float(box[0]), float(box[1]), float(box[2]), float(box[3])), "blue", "rectangle")
        made.append(TruePage(path, width, height, (stamp,)))
    return made


def pixels_of(page: TruePage) -> np.ndarray:
    with Image.open(page.path) as picture:
        return np.asarray(picture)


def test_a_long_page_has_the_stamps_of_six_below_each_other(tmp_path: Path) -> None:
    long, *others = altered(pages(tmp_path, 13), Alteration.LONG, tmp_path / "long")
    assert len(others) == 1
    assert len(long.stamps) == 6
    seen = pixels_of(long)
    assert seen.shape == (long.height, long.width, 3)
    assert long.height > 6 * long.width
    blue = seen[..., 2].astype(int) - seen[..., 0] > 90
    inside = np.zeros_like(blue)
    for stamp in long.stamps:
        x1, y1, x2, y2 = (round(edge) for edge in stamp.box)
        assert blue[y1 + 4 : y2 - 4, x1 + 4 : x2 - 4].all()
        inside[y1 - 4 : y2 + 4, x1 - 4 : x2 + 4] = True
    assert not (blue & ~inside).any()


def test_a_negative_has_its_stamps_where_they_were(tmp_path: Path) -> None:
    (page,) = pages(tmp_path, 1)
    (negative,) = altered([page], Alteration.NEGATIVE, tmp_path / "negative")
    np.testing.assert_array_equal(pixels_of(negative), 255 - pixels_of(page))
    assert negative.stamps == page.stamps


def test_too_few_pages_make_no_long_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="made of 6 pages, and there are 5"):
        altered(pages(tmp_path, 5), Alteration.LONG, tmp_path / "long")


def test_real_pages_are_not_altered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = pages(tmp_path, 1)[0].path
    row = f'[{{"file": "{path.name}", "width": 400, "height": 560, "group": "a", "boxes": [[40, 50, 140, 120]]}}]'
    (tmp_path / "manifest.json").write_text(row)
    assert main(["detect", "--kit", str(tmp_path), "--altered", "long", "--out", str(tmp_path / "out")]) == 2
    assert "leave out --kit" in capsys.readouterr().err
