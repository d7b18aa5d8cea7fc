"""From two rendered families to a calibrated pair network and the table of its verdicts; and how they are counted."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stamp2vec import hub
from stamp2vec.comparison import LaidPair
from stamp2vec.pipelines import ComparisonPipeline, EmbeddingPipeline, SegmentationPipeline, VerificationPipeline
from stamp2vec.values import Task, Verdict
from training.evaluate.__main__ import main
from training.evaluate.questions import ONE_DIE, TWO_DIES, Slice, TrialQuestions, pictured
from training.evaluate.verdicts import Answers, judged, report_on, table, wilson
from training.pair.library import read
from training.pair.trial import half_of, load


class FourPairs:
    """Two pairs of one die and two of two dies, of which there is no more than the truth."""

    def __init__(self) -> None:
        self.data, self.folders = "real", ["nowhere"]
        self.names = ["a, b", "a, c", "b, d", "c, d"]
        self.same = self.whole = np.array([True, True, False, False])

    def pictures(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        raise NotImplementedError

    def laid(self, number: int) -> LaidPair:
        raise NotImplementedError

    def slices(self) -> Iterator[Slice]:
        yield ONE_DIE, "all", self.same
        yield TWO_DIES, "all", ~self.same
        yield TWO_DIES, "none", np.zeros(4, bool)


def test_verdicts_are_counted_by_hand() -> None:
    verdicts = [Verdict.SAME, Verdict.DIFFERENT, Verdict.MIRRORED, Verdict.CANNOT_TELL]
    answers = Answers("m@1", "0", [0.95, 0.05, 0.91, None], verdicts, np.array([0.95, 0.05, 0.91, 0.5]))
    report = report_on(FourPairs(), answers)
    one, two = report.rows
    assert (one.value, one.pairs, one.wrong.value, one.eer) == ("all", 2, 0.5, None)
    assert (one.shares["same"], one.shares["different"], one.shares["cannot tell"]) == (0.5, 0.5, 0)
    assert (two.pairs, two.shares["mirrored"], two.shares["cannot tell"], two.wrong.value) == (2, 0.5, 0.5, 0.5)
    assert two.eer == pytest.approx(0.5)
    assert [(pair.pair, pair.probability) for pair in report.asked][3] == ("c, d", None)
    lines = list(table([report, report]))
    assert lines[4].startswith("| one die: all | m@1 | 2 | 50.0% | 50.0% | 0.0% | 0.0% | 50.0% [")
    assert lines[-1] == "| c, d | two dies | cannot tell | cannot tell |"


def test_wilson_interval_of_none_in_a_hundred() -> None:
    found = wilson(0, 100)
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(0.037, abs=0.001)
    assert wilson(100, 100).high == pytest.approx(1)


def run(module: str, *arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", f"training.pair.{module}", *map(str, arguments)], check=True, timeout=600)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, typefaces: None) -> Path:
    """Has a library, its trials, and a model that has been trained for some steps: all as the commands make them."""
    top = tmp_path_factory.mktemp("pair")
    families = ("--split", "test", "--families", "2", "--variants", "2", "--strikes", "2", "1", "--keep")
    run("library", "--out", top / "library", *families)
    run("trial", "--library", top / "library", "--out", top / "trials")
    run("train", "--library", top / "library", "--work", top / "work", "--minutes", "0.1")
    run("calibrate", "--trials", top / "trials", "--work", top / "work", "--out", top / "model")
    return top


def test_the_trained_model_is_one_of_the_library(folder: Path) -> None:
    manifest, _ = hub.load(folder / "model")
    assert manifest.task is Task.VERIFY
    assert manifest.training["steps"] > 0
    assert manifest.pair_calibration is not None


def test_a_network_that_was_not_trained_is_not_calibrated(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        run("calibrate", "--trials", folder / "trials", "--work", tmp_path, "--out", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_trials_are_scored(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--library", str(folder / "library"), "--trials", str(folder / "trials"), "--out", str(folder / "out")]
    assert main(["verdicts", *asked, "--model", str(folder / "model")]) == 0
    text = capsys.readouterr().out
    assert text.startswith("verdicts on 10 synthetic pairs")
    assert "| one die: a part against the whole | stamp-pair, tvae | 2 |" in text
    reports = json.loads((folder / "out" / "verdicts.json").read_text())
    models = [report["model"].partition("@")[0] for report in reports]
    assert models == ["stamp-pair, tvae", "stamp-pair, stamp-lite", "tvae", "stamp-lite"]
    for report in reports:
        rows = {(row["by"], row["value"]): row for row in report["rows"]}
        assert rows[TWO_DIES, "other dies"]["pairs"] == 2
        assert rows[TWO_DIES, "siblings of all kinds"]["pairs"] == 4
        assert sum(row["pairs"] for (by, _), row in rows.items() if by == ONE_DIE) == 4
        for row in rows.values():
            assert sum(row["shares"].values()) == pytest.approx(1)
            assert row["wrong"]["low"] <= row["wrong"]["value"] <= row["wrong"]["high"]
    for vectors in reports[2:]:
        assert not any(row["shares"]["same"] + row["shares"]["different"] for row in vectors["rows"])
    with Image.open(folder / "out" / "verdicts.png") as sheet:
        assert sheet.width > 1000


def test_the_verdict_on_a_trial_is_that_of_the_library(folder: Path) -> None:
    verifier = VerificationPipeline.from_pretrained(folder / "model")
    questions = TrialQuestions(folder / "library", folder / "trials")
    embedder = EmbeddingPipeline.from_pretrained("tvae")
    compare = ComparisonPipeline(embedder, SegmentationPipeline.from_pretrained("stamp-unet"), verifier)
    for number in np.flatnonzero(questions.whole).tolist():
        pair = questions.pictures(number)
        (found,) = judged(questions, number, verifier, [embedder.compare(*pair).probability])
        expected = compare(*pair)
        assert found.verdict is expected.verdict
        assert found.probability == pytest.approx(expected.probability, abs=1e-3)


def test_the_picture_of_a_part_is_where_its_planes_are(folder: Path) -> None:
    (trial, *_) = [trial for trial in load(folder / "trials").trials if trial.half]
    crop = read(folder / "library" / f"{trial.family:08d}.npz").crops[trial.b]
    part = half_of(crop, trial.family)
    shown = pictured(crop, part)
    assert crop.image is not None
    for axis in (0, 1):
        share = part.planes.shape[axis] / crop.planes.shape[axis]
        assert shown.shape[axis] == pytest.approx(share * crop.image.shape[axis], abs=1)
    assert any(
        np.array_equal(shown, end)
        for end in (
            crop.image[: shown.shape[0], : shown.shape[1]],
            crop.image[-shown.shape[0] :, -shown.shape[1] :],
        )
    )


def test_every_pair_of_a_set_is_printed(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crops = read(next((folder / "library").glob("*.npz"))).crops[:3]
    rows = []
    for number, crop in enumerate(crops):
        assert crop.image is not None
        Image.fromarray(crop.image).save(tmp_path / f"{number}.png")
        rows.append({"file": f"{number}.png", "set": "bank", "identity": str(crop.die)})
    (tmp_path / "stamps.json").write_text(json.dumps([*rows, rows[0] | {"set": "other"}]))
    asked = ["verdicts", "--kit", str(tmp_path), "--out", str(tmp_path / "out"), "--model", str(folder / "model")]
    assert main([*asked, "--set", "bank"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[:2] for line in lines[-3:]] == [
        ["| 0.png, 1.png", "same die"],
        ["| 0.png, 2.png", "two dies"],
        ["| 1.png, 2.png", "two dies"],
    ]
    first = json.loads((tmp_path / "out" / "verdicts.json").read_text())[0]
    assert (first["data"], first["pairs"]) == ("real", 3)
    assert [pair["same_die"] for pair in first["asked"]] == [True, False, False]
    assert main([*asked, "--set", "other"]) == 2
    assert "name one of bank, other" in capsys.readouterr().err
    assert main(asked) == 2
    assert "--set" in capsys.readouterr().err
