"""Verification and retrieval figures against counts by hand, calibration on vectors of known odds, and the commands."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stamp2vec import hub
from stamp2vec.hub.manifest import Manifest
from stamp2vec.models import build
from stamp2vec.values import Preset, Task
from training.embedder import calibrate as calibration
from training.embedder.calibrate import Curve, calibrate, isotonic, platt
from training.evaluate.__main__ import main
from training.evaluate.retrieval import measure, retrieve
from training.evaluate.stamps import Stamps, read_crops, read_kit
from training.evaluate.verification import Pairs, calibration_error, figures, make_pairs, trust
from training.synth.crop_shards import OPTIONAL_PARTS, SIZE


def stamps(identity: list[int], family: list[int], group: list[int] | None = None) -> Stamps:
    n = len(identity)
    groups = np.zeros(n, int) if group is None else np.array(group)
    families = np.array(family)
    return Stamps([], np.array(identity), families, groups, {}, np.full(n, np.nan), families % 2 == 1)


def test_pairs_are_all_within_a_family_and_some_across() -> None:
    pairs = make_pairs(stamps([0, 0, 1, 2, 2], [0, 0, 0, 7, 7]))
    kinds = {
        tuple(sorted((int(a), int(b)))): "genuine" if g else "sibling" if s else "random"
        for a, b, g, s in zip(pairs.a, pairs.b, pairs.genuine, pairs.sibling)
    }
    assert len(kinds) == len(pairs.a) == 10
    assert {pair for pair, kind in kinds.items() if kind == "genuine"} == {(0, 1), (3, 4)}
    assert {pair for pair, kind in kinds.items() if kind == "sibling"} == {(0, 2), (1, 2)}


def test_stamps_of_two_sets_make_no_pair() -> None:
    pairs = make_pairs(stamps([0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 1, 1]))
    assert {tuple(sorted((int(a), int(b)))) for a, b in zip(pairs.a, pairs.b)} == {(0, 1), (2, 3)}


def test_weights_give_each_kind_its_share() -> None:
    pairs = make_pairs(stamps([0, 0, 1, 2, 2], [0, 0, 0, 7, 7]))
    weights = pairs.weights(0.5, 0.2)
    shares = [weights[kind].sum() for kind in (pairs.genuine, pairs.sibling, pairs.random)]
    np.testing.assert_allclose(shares, [0.5, 0.1, 0.4])


def test_error_rates_of_known_similarities() -> None:
    apart = figures(np.array([0.8, 0.9]), np.array([0.1, 0.2]))
    assert apart.eer == 0
    # One of four genuine pairs lies below one of four impostors.
    mixed = figures(np.array([0.4, 0.7, 0.8, 0.9]), np.array([0.1, 0.2, 0.3, 0.5]))
    assert mixed.eer == pytest.approx(0.25)
    assert figures(np.array([]), np.array([0.1])).eer is None


def test_rates_need_three_impostors_for_each_that_may_pass() -> None:
    genuine = np.array([0.95, 0.985, 0.995])
    hundredths = figures(genuine, np.linspace(0, 0.99, 300))
    assert hundredths.tar_at_far_0_01 == pytest.approx(2 / 3)
    assert hundredths.tar_at_far_0_001 is None
    assert figures(genuine, np.linspace(0, 0.99, 299)).tar_at_far_0_01 is None
    assert figures(genuine, np.linspace(0, 0.99, 3000)).tar_at_far_0_001 == pytest.approx(1 / 3)


def test_trust_of_known_probabilities() -> None:
    pairs = Pairs(np.zeros(4, int), np.ones(4, int), np.array([1, 1, 0, 0], bool), np.array([0, 0, 1, 0], bool))
    measured = trust(np.array([0.95, 0.5, 0.92, 0.05]), pairs, np.full(4, 0.25))
    assert (measured.cannot_tell, measured.cannot_tell_genuine, measured.wrong) == (0.25, 0.5, 0.25)
    assert (measured.cannot_tell_sibling, measured.cannot_tell_random) == (0, 0)
    assert calibration_error(np.array([0.95, 0.95]), np.array([1, 0]), np.ones(2)) == pytest.approx(0.45)


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Similarities whose true log-odds are 8 s - 4."""
    rng = np.random.default_rng(seed)
    similarity = rng.uniform(-0.5, 1, count)
    return similarity, rng.random(count) < 1 / (1 + np.exp(4 - 8 * similarity))


@pytest.mark.parametrize("fit", [platt, isotonic])
def test_a_fit_recovers_the_probability(fit: Callable[[np.ndarray, np.ndarray, np.ndarray], Curve]) -> None:
    similarity, genuine = drawn(40_000, 0)
    curve = np.array(fit(similarity, genuine, np.full(40_000, 1 / 40_000)))
    assert (np.diff(curve[:, 0]) > 0).all()
    assert (np.diff(curve[:, 1]) >= 0).all()
    at = np.linspace(-0.4, 0.9, 14)
    np.testing.assert_allclose(np.interp(at, *curve.T), 1 / (1 + np.exp(4 - 8 * at)), atol=0.05)


def family_vectors(seed: int, spread: float) -> tuple[np.ndarray, Stamps]:
    """40 families of 3 dies with 4 impressions each: siblings near to each other, impressions nearer."""
    rng = np.random.default_rng(seed)
    family = np.repeat(np.arange(40), 12)
    identity = np.repeat(np.arange(120), 4)
    centre = rng.normal(0, 1, (40, 16))[family] + 0.6 * rng.normal(0, 1, (120, 16))[identity]
    vectors = centre + spread * rng.normal(0, 1, (480, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, stamps(identity.tolist(), family.tolist())


def test_a_calibration_holds_on_unseen_families() -> None:
    vectors, truth = family_vectors(0, 0.5)
    found = calibrate(vectors, truth)
    assert found.trust.calibration_error < 0.05
    assert found.trust.wrong < 0.05
    strict, stricter = found.verification.far_thresholds["0.001"], found.verification.far_thresholds["0.01"]
    assert strict >= stricter
    pairs = make_pairs(truth)
    similarity = np.einsum("nd,nd->n", vectors[pairs.a], vectors[pairs.b])
    weights = pairs.weights(0.5, 0.2)[~pairs.genuine]
    passed = weights @ (similarity[~pairs.genuine] >= found.verification.far_thresholds["0.01"]) / weights.sum()
    assert 0.002 < passed < 0.03


def test_calibration_needs_siblings() -> None:
    with pytest.raises(ValueError, match="render several siblings"):
        calibrate(np.eye(8), stamps([0, 0, 1, 1, 2, 2, 3, 3], [0, 0, 1, 1, 2, 2, 3, 3]))


def test_retrieval_by_hand() -> None:
    # Angles: the die 0 at 0 and 10 degrees, die 1 at 4 and 90, a distractor of another die at 88.
    angles = np.deg2rad([0, 10, 4, 90, 88])
    vectors = np.column_stack([np.cos(angles), np.sin(angles)])
    found = retrieve(vectors, np.array([0, 0, 1, 1, 2]), np.array([0, 0, 0, 0, -1]))
    assert found.query.tolist() == [0, 1, 2, 3]
    result = measure(found)
    # Ranks of the one relevant stamp: 2, 2, 4 (0, 10, 88 come first: 4, 6, 84 away; then 86), 4 (88, 10, 4 hold 2..).
    ranks = [list(row).index(True) + 1 for row in found.hit.tolist()]
    assert ranks == [2, 2, 4, 3]
    assert result.map_at_5 == pytest.approx(np.mean([1 / rank for rank in ranks]))
    assert (result.recall_at_1, result.cmc_at_5) == (0, 1)


def test_ties_count_against_the_model_and_sets_do_not_mix() -> None:
    vectors = np.tile([1.0, 0.0], (4, 1))
    found = retrieve(vectors, np.array([0, 0, 1, 0]), np.array([0, 0, 0, 1]))
    assert found.query.tolist() == [0, 1]
    assert found.nearest[:, 0].tolist() == [2, 2]
    with pytest.raises(ValueError, match="no die has two stamps"):
        retrieve(vectors, np.arange(4), np.zeros(4, int))


def crops_folder(folder: Path, families: range, impressions: int, newer: bool = True) -> Path:
    """Crops as `crop_shards` writes them, with a die's number in their colours."""
    folder.mkdir()
    rng = np.random.default_rng(families.start)
    die = np.array([(f, s) for f in families for s in range(2) for _ in range(impressions)])
    n = len(die)
    pixels = np.full((n, SIZE, SIZE, 4), 255, np.uint8)
    for index, (family, sibling) in enumerate(die):
        shape = np.random.default_rng([family, sibling]).integers(0, 200, (8, 8, 3), np.uint8)
        noise = rng.integers(0, 30, (SIZE, SIZE, 3), np.uint8)
        pixels[index, ..., :3] = shape.repeat(SIZE // 8, 0).repeat(SIZE // 8, 1) + noise
    parts = {
        "pixels": pixels,
        "clean": np.zeros((n, 64, 64), np.uint8),
        "die": die,
        "size": np.full((n, 2), 90),
        "capture": np.array(["webp", "copier"] * (n // 2)),
        "visible": rng.uniform(0.2, 1, n),
        "kind": np.array(["round"] * n),
    }
    for name, array in parts.items():
        if newer or name not in OPTIONAL_PARTS:
            np.save(folder / f"0000000.{name}.npy", array)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = build("tvae", {"width": 8, "vector_size": 16})
    manifest = Manifest(
        "tvae", "0.0.1", Task.EMBED, "tvae", {"width": 8, "vector_size": 16}, (Preset.FAST,), 128, 128,
        0.0, 0, 64 * "0", 16, {}, {}, "Apache-2.0",
    )  # fmt: skip
    hub.save(tmp_path / "model", manifest, network.state_dict())
    return tmp_path / "model"


def test_older_folders_are_read_without_what_they_lack(tmp_path: Path) -> None:
    old = read_crops([crops_folder(tmp_path / "old", range(2), 2, newer=False)])
    assert set(old.slices["capture"]) == {"unknown"}
    assert np.isnan(old.visible).all()
    both = read_crops([tmp_path / "old", crops_folder(tmp_path / "new", range(9, 10), 2)])
    assert len(both) == 12
    assert set(both.slices["capture"]) == {"unknown", "webp", "copier"}


def test_from_calibration_to_scores(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    crops = crops_folder(tmp_path / "crops", range(4), 3)
    others = crops_folder(tmp_path / "others", range(50, 53), 1)
    monkeypatch.setattr("sys.argv", ["calibrate", str(model), "--crops", str(crops)])
    assert calibration.main() == 0
    known = hub.read_manifest(model)
    assert known.verification is not None
    assert set(known.verification.far_thresholds) == {"0.01", "0.001"}
    assert known.metrics["synthetic_calibration_error"] >= 0
    hub.load(model)  # the weights and their checksum are as they were
    common = ["--crops", str(crops), "--distractors", str(others), "--model", str(model), "--model", str(model)]
    capsys.readouterr()
    assert main(["verify", *common, "--out", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    first, second = json.loads((tmp_path / "out" / "verify.json").read_text())
    assert first == second
    assert (first["stamps"], first["distractors"], first["data"]) == (24, 6, "synthetic")
    assert set(first["figures"]) == {"random", "sibling", "trust"}
    assert first["figures"]["sibling"]["genuine"] == 8 * 3
    assert first["figures"]["sibling"]["impostors"] == 4 * 9 + 3
    assert "tvae@0.0.1 by visible" in text
    assert main(["retrieve", *common, "--out", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["figures"]["all"]["queries"] == 24
    for name in ("verify", "retrieve"):
        with Image.open(tmp_path / "out" / f"{name}.png") as sheet:
            assert sheet.width > 1000


def kit(folder: Path, rows: list[dict[str, str]]) -> Path:
    for row in rows:
        pixels = np.random.default_rng(len(row["identity"])).integers(0, 255, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(folder / row["file"])
    (folder / "stamps.json").write_text(json.dumps(rows))
    return folder


def test_a_kit_is_scored_by_set_with_forgeries_as_look_alikes(tmp_path: Path, model: Path) -> None:
    rows = [{"file": f"{index}.png", "set": "x", "identity": name} for index, name in enumerate(["a", "a", "bb", "bb"])]
    rows.append({"file": "4.png", "set": "x", "identity": "ccc", "forgery_of": "a"})
    folder = kit(tmp_path, rows)
    read = read_kit(folder)
    assert read.family[4] == read.identity[0]
    assert main(["verify", "--kit", str(folder), "--model", str(model), "--out", str(tmp_path / "out")]) == 0
    (report,) = json.loads((tmp_path / "out" / "verify.json").read_text())
    assert report["data"] == "real"
    assert (report["figures"]["sibling"]["impostors"], report["figures"]["sibling"]["genuine"]) == (2, 2)
    others = crops_folder(tmp_path / "others", range(50, 53), 1)
    both = ["--kit", str(folder), "--distractors", str(others), "--model", str(model), "--out", str(tmp_path / "out")]
    assert main(["retrieve", *both]) == 0
    (report,) = json.loads((tmp_path / "out" / "retrieve.json").read_text())
    assert (report["stamps"], report["distractors"]) == (5, 6)
    assert [(part["by"], part["value"], part["figures"]["queries"]) for part in report["slices"]] == [("set", "x", 4)]
    assert main(["verify", *both]) == 0
    (report,) = json.loads((tmp_path / "out" / "verify.json").read_text())
    assert [(part["by"], part["value"]) for part in report["slices"]] == [("set", "x")]


@pytest.mark.parametrize(
    ("flag", "advice"), [("--crops", "python -m training.synth.crop_shards"), ("--kit", "name the folder of a kit")]
)
def test_a_wrong_folder_is_refused_with_advice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, advice: str
) -> None:
    assert main(["verify", flag, str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert advice in capsys.readouterr().err


def test_a_broken_kit_is_named(tmp_path: Path) -> None:
    (tmp_path / "stamps.json").write_text('[{"file": "a.png"}]')
    with pytest.raises(ValueError, match="is no list of stamps"):
        read_kit(tmp_path)


def test_a_calibration_leaves_all_else_of_the_manifest(tmp_path: Path, model: Path) -> None:
    vectors, truth = family_vectors(1, 0.4)
    manifest = hub.read_manifest(model)
    complete = dataclasses.replace(manifest, verification=calibrate(vectors, truth).verification)
    assert Manifest.from_json(complete.to_json()) == complete
    assert dataclasses.replace(complete, verification=None) == manifest
