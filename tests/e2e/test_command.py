"""`make run`: one command, from nothing to an analysed page, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from services.stack.processes import ServiceDied, running
from stamp2vec.pipelines import DocumentPipeline
from tests.e2e.live import ROOT, SAMPLE, TIMEOUT_S, children, eventually, is_alive

# Where training/synth/sample.py put the two impressions of one die: millimetres, at 150 dpi.
TWINS = ((62, 238), (160, 66))


def test_one_command_analyses_a_page_with_the_bundled_models(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "services.stack", "run", str(SAMPLE), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "starting the" in done.stderr
    assert "similarity" in done.stdout
    with Image.open(tmp_path / "page.page1.png") as drawn, Image.open(SAMPLE) as page:
        assert drawn.size == page.size
        assert np.asarray(drawn).tobytes() != np.asarray(page).tobytes()
    result = json.loads((tmp_path / "page.json").read_text())
    stamps = result["pages"][0]["stamps"]
    middles = [np.add(stamp["box"][:2], stamp["box"][2:]) / 2 / 150 * 25.4 for stamp in stamps]
    twins = {int(np.argmin([np.hypot(*(middle - at)) for middle in middles])) for at in TWINS}
    pairs = {(i, j): result["similarity"][i][j] for i, j in combinations(range(len(stamps)), 2)}
    most_alike = max(pairs, key=lambda pair: float(pairs[pair]))
    assert set(most_alike) == twins
    assert (result["prior"], "stamp-pair" in result["models"][-1]) == (0.5, True)
    assert result["milliseconds"]["compare"] > 0
    (expected,) = DocumentPipeline.from_preset()(SAMPLE.read_bytes()).pages
    assert [stamp["die_group"] for stamp in stamps] == [stamp.die_group for stamp in expected.stamps]
    for ours, theirs in zip(stamps, expected.stamps, strict=True):
        np.testing.assert_allclose(ours["box"], theirs.box, atol=0.02)
        assert theirs.vector is not None
        np.testing.assert_allclose(ours["vector"], theirs.vector, atol=1e-4)


def test_a_file_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "services.stack", "run", str(tmp_path / "no.jpg"), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert "cannot be read" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_the_command_no_service_outlives_it(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-m", "services.stack", "run", str(SAMPLE), "--out", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=ROOT) as process:
        eventually(lambda: len(children(process.pid)) >= 3)
        family = children(process.pid)
        process.send_signal(number)
        process.wait(TIMEOUT_S)
    eventually(lambda: not any(map(is_alive, family)))


def test_a_service_that_cannot_start_shows_its_last_words_and_ends_the_others(tmp_path: Path) -> None:
    before = children(os.getpid())
    options = dict.fromkeys(("detector", "segmenter", "embedder"), ("--model", "./no-such-model"))
    with pytest.raises(ServiceDied, match="no-such-model"), running(options, tmp_path):
        pass
    eventually(lambda: children(os.getpid()) <= before)
