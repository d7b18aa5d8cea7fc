"""From similarities to probabilities, verdicts and groups of one die; which stamps say too little."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stamp2vec import hub
from stamp2vec.comparison import illegibility
from stamp2vec.comparison.dies import die_groups, probability_matrix
from stamp2vec.comparison.verdicts import judge
from stamp2vec.engines.torch import TorchEngine
from stamp2vec.errors import IncompatibleVectors
from stamp2vec.hub.manifest import Manifest
from stamp2vec.pipelines import DetectionPipeline, DocumentPipeline, EmbeddingPipeline, SegmentationPipeline
from stamp2vec.values import Embedding, SecondLook, Verdict, Verification
from stamp2vec.wire.models import info_from_message, info_to_message
from tests.library.conftest import page_image
from tests.library.test_document import png, tiff

CURVE = ((-0.2, 0.01), (0.2, 0.05), (0.6, 0.45), (0.9, 0.95))
VERIFICATION = Verification(CURVE, 0.5, 0.2, {"0.01": 0.8, "0.001": 0.95})


@pytest.mark.parametrize(
    ("similarity", "probability"), [(-1, 0.01), (-0.2, 0.01), (0.4, 0.25), (0.6, 0.45), (0.9, 0.95), (1, 0.95)]
)
def test_the_curve_is_straight_between_its_points_and_level_beyond(similarity: float, probability: float) -> None:
    assert VERIFICATION.probability(np.array([similarity]))[0] == pytest.approx(probability)


@pytest.mark.parametrize(
    ("similarity", "verdict"),
    [(0.9, Verdict.SAME), (0.8, Verdict.CANNOT_TELL), (0.26, Verdict.CANNOT_TELL), (0.2, Verdict.DIFFERENT)],
)
def test_the_verdict_follows_from_the_probability(similarity: float, verdict: Verdict) -> None:
    judgement = judge(similarity, VERIFICATION)
    assert judgement.verdict is verdict
    assert bool(judgement.reason) == (verdict is Verdict.CANNOT_TELL)


def test_cannot_tell_has_a_reason_with_a_remedy() -> None:
    unknown = judge(1.0, None)
    assert (unknown.probability, unknown.verdict) == (None, Verdict.CANNOT_TELL)
    assert "compare with a newer version" in unknown.reason
    faint = judge(1.0, VERIFICATION, "too little ink")
    assert (faint.verdict, faint.reason) == (Verdict.CANNOT_TELL, "too little ink")
    assert faint.probability == pytest.approx(0.95)


WRONG: list[tuple[Mapping[str, object], str]] = [
    ({"curve": ((0.0, 0.5),)}, "two points"),
    ({"curve": ((0.0, 0.5), (float("nan"), 0.6))}, "finite"),
    ({"curve": ((0.0, 0.5), (0.0, 0.6))}, "rise"),
    ({"curve": ((0.0, 0.5), (0.5, 0.4))}, "rise"),
    ({"curve": ((0.0, 0.5), (1.5, 0.6))}, "similarities of -1 to 1"),
    ({"curve": ((0.0, -0.1), (0.5, 0.6))}, "probabilities of 0 to 1"),
    ({"genuine_share": 0.0}, "genuine_share"),
    ({"sibling_share": 1.1}, "sibling_share"),
    ({"far_thresholds": {"often": 0.5}}, "far_thresholds"),
    ({"far_thresholds": {"0.01": 2.0}}, "far_thresholds"),
]


@pytest.mark.parametrize(("values", "message"), WRONG)
def test_values_that_cannot_be_right_are_refused(values: Mapping[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(VERIFICATION, **values)  # type: ignore[arg-type]


def groups(pairs: dict[tuple[int, int], float], n: int, illegible: tuple[int, ...] = ()) -> list[int]:
    probability = np.eye(n)
    for (a, b), value in pairs.items():
        probability[a, b] = probability[b, a] = value
    return die_groups(probability, np.array([index not in illegible for index in range(n)], bool))


def test_groups_count_dies_in_the_order_of_their_first_stamp() -> None:
    assert groups({}, 0) == []
    assert groups({}, 3) == [1, 2, 3]
    assert groups({(1, 3): 0.95, (0, 2): 0.92}, 4) == [1, 2, 1, 2]


def test_any_two_stamps_of_a_group_are_same() -> None:
    # 0-1 and 1-2 are SAME and 0-2 is not: the likelier pair wins, and no chain joins 0 with 2.
    assert groups({(0, 1): 0.91, (1, 2): 0.99, (0, 2): 0.5}, 3) == [1, 2, 2]
    assert groups({(0, 1): 0.91, (1, 2): 0.99, (0, 2): 0.9}, 3) == [1, 1, 1]


def test_stamps_that_say_too_little_are_of_no_group() -> None:
    assert groups({(0, 1): 0.99, (1, 2): 0.99, (0, 2): 0.99}, 3, illegible=(1,)) == [1, 0, 1]
    assert groups({}, 2, illegible=(0, 1)) == [0, 0]


def test_groups_of_random_stamps_are_cliques() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        upper = np.triu(rng.uniform(0.7, 1, (12, 12)), 1)
        probability = upper + upper.T + np.eye(12)
        numbers = die_groups(probability, np.ones(12, bool))
        for a in range(12):
            for b in range(12):
                assert numbers[a] != numbers[b] or probability[a, b] >= 0.9


def test_a_stamp_is_of_its_own_die_whatever_the_curve_says() -> None:
    probability = probability_matrix(np.array([[1, 0.4], [0.4, 1]], np.float32), VERIFICATION)
    np.testing.assert_allclose(probability, [[1, 0.25], [0.25, 1]], rtol=1e-6)


def crop(width: int = 100, height: int = 80, ink: int = 30, level: int = 90) -> np.ndarray:
    pixels = np.full((height, width, 3), 240, np.uint8)
    pixels[10 : 10 + ink, 10 : 10 + ink] = (level, level, 200)
    return pixels


def test_a_stamp_with_ink_and_pixels_is_legible() -> None:
    assert illegibility(crop()) == ""
    assert illegibility(crop(4000, 3000, 800)) == ""
    assert illegibility(np.asarray(page_image(1, 90, 80))) == ""


def test_too_little_of_a_stamp_is_illegible_with_a_remedy() -> None:
    assert "too few pixels (30 x 12): scan" in illegibility(crop(30, 12, 8))
    assert "too little ink" in illegibility(crop(ink=0))
    assert "too little ink" in illegibility(crop(ink=5))
    assert "too little ink" in illegibility(crop(level=235)[..., :1].repeat(3, 2))
    assert "too little ink" in illegibility(np.zeros((64, 64, 3), np.uint8))


def test_the_message_of_a_model_has_its_verification(weights: Path) -> None:
    manifest, _ = hub.load(weights / "tvae" / "0.0.1")
    assert info_from_message(info_to_message(manifest.info)).verification is None
    known = dataclasses.replace(manifest, verification=VERIFICATION)
    assert info_from_message(info_to_message(known.info)).verification == VERIFICATION
    assert Manifest.from_json(known.to_json()) == known
    looking = dataclasses.replace(VERIFICATION, second_look=SecondLook("stamp-unet", -3.1, 2.7, 4.5, -9.1, 2.2))
    assert (
        info_from_message(info_to_message(dataclasses.replace(manifest, verification=looking).info)).verification
        == looking
    )


@pytest.fixture
def pipeline(weights: Path) -> DocumentPipeline:
    """Of an embedder whose similarities of 0.999 mean one die."""
    manifest, state = hub.load(weights / "tvae" / "0.0.1")
    sharp = Verification(((0.99, 0.02), (0.999, 0.98)), 0.5, 0.2, {})
    return DocumentPipeline(
        DetectionPipeline.from_pretrained(weights / "yolo-stamp" / "0.0.1"),
        SegmentationPipeline.from_pretrained(weights / "stamp-unet" / "0.0.1"),
        EmbeddingPipeline(TorchEngine(dataclasses.replace(manifest, verification=sharp), state)),
    )


def test_a_page_that_comes_twice_has_the_same_dies_twice(pipeline: DocumentPipeline) -> None:
    page = page_image(0)
    result = pipeline(tiff([page, page]), min_score=0.9)
    first, second = ([stamp.die_group for stamp in each.stamps] for each in result.pages)
    assert first == second
    assert first
    assert result.probability is not None
    np.testing.assert_array_equal(np.diag(result.probability), 1)
    assert result.probability[0, len(first)] == pytest.approx(0.98, abs=1e-4)
    assert pipeline(png(page), include_vectors=False).probability is None


def test_two_crops_are_compared_in_process(pipeline: DocumentPipeline) -> None:
    stamp = page_image(1, 90, 80)
    same = pipeline.embedder.compare(stamp, stamp)
    assert (same.verdict, same.reason, same.model, same.version) == (Verdict.SAME, "", "tvae", "0.0.1")
    assert same.probability == pytest.approx(0.98, abs=1e-4)
    blank = pipeline.embedder.compare(stamp, Image.new("RGB", (90, 80), "white"))
    assert blank.verdict is Verdict.CANNOT_TELL
    assert "too little ink" in blank.reason


def test_a_vector_takes_the_place_of_its_crop(pipeline: DocumentPipeline) -> None:
    a, b = page_image(1, 90, 80), page_image(2, 90, 80)
    embedder = pipeline.embedder
    stored = Embedding(embedder(b), embedder.manifest.name, embedder.manifest.version)
    expected = embedder.compare(a, b)
    assert embedder.compare(a, stored).similarity == pytest.approx(expected.similarity, abs=1e-6)
    assert embedder.compare(stored, a).similarity == pytest.approx(expected.similarity, abs=1e-6)
    assert embedder.compare(stored, stored).similarity == pytest.approx(1)
    other = dataclasses.replace(stored, version="9.9.9")
    for pair in ((a, other), (other, a), (other, other)):
        with pytest.raises(IncompatibleVectors, match=r"tvae@9\.9\.9"):
            embedder.compare(*pair)
