"""What bench.against sends, and what it says of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.against.__main__ import LOADS, made_pages, row
from stamp2vec.pipelines import DocumentPipeline


def test_pages_have_as_many_stamps_as_their_loads_say(tmp_path: Path) -> None:
    pages = made_pages(tmp_path)
    pipeline = DocumentPipeline.from_preset()
    for stamps in {load.stamps for load in LOADS}:
        assert len(pipeline(pages[stamps].read_bytes(), include_vectors=False).pages[0].stamps) == stamps


def test_a_ratio_is_of_one_round(capsys: pytest.CaptureFixture[str]) -> None:
    row("CPU ms", [[10.0, 20.0], [30.0, 40.0], [50.0, 50.0]], 0.4)
    assert capsys.readouterr().out == "| CPU ms | 30.0 | 40.0 | 0.75 (0.50-1.00) | <= 0.40 |\n"


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-m", "bench.against", tmp_path], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "is no checkout of this project" in run.stderr
