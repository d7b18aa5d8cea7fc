"""The figures of drawn stamps that are unrolled: what they are measured against, and how they are counted."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.evaluate.__main__ import main
from training.evaluate.unrolling import LINES, RINGS, Unrolled, figures_of


def test_drawn_stamps_are_unrolled_and_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unroll", "--families", "2", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out.splitlines()
    rows = {(row["by"], row["value"]): row for row in json.loads((tmp_path / "unroll.json").read_text())}
    assert len(printed) == len(rows) + 2
    rings, lines = rows["all", "rings"], rows["all", "lines"]
    assert (rings["stamps"], lines["stamps"]) == (2 * len(RINGS), 2 * len(LINES))
    assert rings["refused"] < 0.2
    assert rings["centre"] < 0.02
    assert rings["edge"] < 0.04
    assert rings["held"] > 0.8
    assert lines["turn"] < 1
    assert (rings["turn"], lines["centre"]) == (None, None)
    captures = [row for (by, _), row in rows.items() if by == "rings, capture"]
    assert sum(row["stamps"] for row in captures) == rings["stamps"]
    with Image.open(tmp_path / "unroll.png") as picture:
        assert np.asarray(picture).std() > 10


def test_refused_stamps_count_in_no_error() -> None:
    found = [
        Unrolled("round", "none", 1.0, False, 10.0, centre=0.02, edge=0.03, texts=2, held=1),
        Unrolled("round", "none", 1.0, False, 30.0, centre=0.08, edge=0.2, texts=2, held=0),
        Unrolled("round", "none", 0.2, True, 20.0),
    ]
    row = figures_of("kind", "round", found)
    assert row.stamps == 3
    assert row.refused == pytest.approx(1 / 3)
    assert row.centre == pytest.approx(0.05)
    assert (row.centre_right, row.held, row.turn) == (0.5, 0.25, None)
    assert row.cpu_ms == 20


def test_without_families_there_is_nothing_to_draw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unroll", "--families", "0", "--out", str(tmp_path)]) == 2
    assert "--families must be at least 1" in capsys.readouterr().err
