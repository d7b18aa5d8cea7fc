"""From similarities to probabilities and verdicts by vectors; which stamps say too little."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stamp2vec import hub
from stamp2vec.calibration import Verification
from stamp2vec.comparison import blank, cannot_tell, illegibility, judge_vectors, prior_fault
from stamp2vec.comparison.verdicts import vector_probability
from stamp2vec.engines.torch import TorchEngine
from stamp2vec.errors import IncompatibleVectors, InvalidImage, InvalidInput
from stamp2vec.hub.manifest import Manifest
from stamp2vec.pipelines import EmbeddingPipeline
from stamp2vec.values import Embedding, Verdict
from stamp2vec.wire.models import info_from_message, info_to_message
from tests.library.conftest import SHARP, page_image

CURVE = ((-0.2, 0.01), (0.2, 0.05), (0.6, 0.45), (0.9, 0.95))
VERIFICATION = Verification(CURVE, 0.5, 0.2, {"0.01": 0.8, "0.001": 0.95})


@pytest.mark.parametrize(
    ("similarity", "probability"), [(-1, 0.01), (-0.2, 0.01), (0.4, 0.25), (0.6, 0.45), (0.9, 0.95), (1, 0.95)]
)
def test_the_curve_is_straight_between_its_points_and_level_beyond(similarity: float, probability: float) -> None:
    assert VERIFICATION.probability(np.array([similarity]))[0] == pytest.approx(probability)


@pytest.mark.parametrize(
    ("similarity", "verdict"),
    [
        (1.0, Verdict.SAME_LAYOUT),
        (0.9, Verdict.SAME_LAYOUT),
        (0.64, Verdict.SAME_LAYOUT),
        (0.6, Verdict.CANNOT_TELL),
        (-1.0, Verdict.CANNOT_TELL),
    ],
)
@pytest.mark.parametrize("prior", [0.001, 0.5, 0.999])
def test_vectors_show_one_layout_at_most(similarity: float, verdict: Verdict, prior: float) -> None:
    """Neither one die nor two, whatever the prior; and the reason says what would help."""
    judgement = judge_vectors(similarity, VERIFICATION, prior)
    assert judgement.verdict is verdict
    assert judgement.reason.endswith("their ink was not compared: compare the pictures of both")
    assert judgement.probability is not None
    assert 0 < judgement.probability <= prior
    assert judgement.overlay is None
    missing = judge_vectors(similarity, VERIFICATION, prior, "a vector has no ink")
    assert (missing.verdict, missing.probability) == (judgement.verdict, judgement.probability)
    assert missing.reason.endswith("a vector has no ink: compare the pictures of both")


@pytest.mark.parametrize("prior", [1e-9, 0.01, 0.3, 0.5, 0.9, 1 - 1e-9])
@pytest.mark.parametrize("genuine_share", [0.1, 0.5, 0.9])
def test_the_probability_by_vectors_rises_and_never_exceeds_the_prior(prior: float, genuine_share: float) -> None:
    similarity = np.linspace(-1, 1, 201)
    known = dataclasses.replace(VERIFICATION, genuine_share=genuine_share, curve=((-1.0, 0.0), (1.0, 1.0)))
    probability = vector_probability(similarity, known, prior)
    assert probability.dtype == np.float64
    assert (np.diff(probability) >= 0).all()
    assert probability.max() == prior
    assert probability.min() >= 0
    assert vector_probability(similarity[:200].reshape(2, 100), known, prior).shape == (2, 100)


def test_below_the_prior_the_probability_is_that_of_the_curve_at_another_prior() -> None:
    by_half = float(vector_probability(np.array(0.2), VERIFICATION, 0.5))
    assert by_half == pytest.approx(0.05)
    odds = 0.05 / 0.95 * (0.2 / 0.8)
    assert float(vector_probability(np.array(0.2), VERIFICATION, 0.2)) == pytest.approx(odds / (1 + odds))
    measured = dataclasses.replace(VERIFICATION, genuine_share=0.2)
    assert float(vector_probability(np.array(0.2), measured, 0.2)) == pytest.approx(0.05)


def test_cannot_tell_has_a_reason_with_a_remedy() -> None:
    unknown = judge_vectors(1.0, None)
    assert (unknown.probability, unknown.verdict) == (None, Verdict.CANNOT_TELL)
    assert "compare with a newer version" in unknown.reason
    faint = cannot_tell("too little ink")
    assert (faint.probability, faint.verdict, faint.reason) == (None, Verdict.CANNOT_TELL, "too little ink")


@pytest.mark.parametrize("prior", [0, 1, -0.1, 1.1, float("nan"), float("inf")])
def test_a_prior_that_leaves_nothing_to_be_shown_is_a_fault(prior: float) -> None:
    fault = prior_fault(prior)
    assert fault is not None
    assert fault.field == "prior"
    assert str(fault) == f"the prior is {prior:g}: send a probability above 0 and below 1, or leave it out"
    for good in (None, 0.5, 1e-30, 0.999):
        assert prior_fault(good) is None


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


def test_a_crop_is_blank_without_ink_and_not_because_it_is_small() -> None:
    assert blank(crop()) == blank(crop(30, 12, 8)) == ""
    assert (
        blank(crop(ink=0))
        == illegibility(crop(ink=0))
        == ("too little ink (0.0% of the crop): take a stronger impression, or crop closer")
    )
    assert blank(np.full((1, 1, 3), 255, np.uint8))


def test_the_message_of_a_model_has_its_verification(weights: Path) -> None:
    manifest, _ = hub.load(weights / "tvae" / "0.0.1")
    assert info_from_message(info_to_message(manifest.info)).verification is None
    known = dataclasses.replace(manifest, verification=VERIFICATION)
    assert info_from_message(info_to_message(known.info)).verification == VERIFICATION
    assert Manifest.from_json(known.to_json()) == known


@pytest.fixture
def embedder(weights: Path) -> EmbeddingPipeline:
    """Its similarities of 0.999 mean one layout."""
    manifest, state = hub.load(weights / "tvae" / "0.0.1")
    return EmbeddingPipeline(TorchEngine(dataclasses.replace(manifest, verification=SHARP), state))


def test_two_crops_are_compared_by_their_vectors(embedder: EmbeddingPipeline) -> None:
    stamp = page_image(1, 90, 80)
    same = embedder.compare(stamp, stamp)
    assert (same.verdict, same.model, same.version, same.overlay) == (Verdict.SAME_LAYOUT, "tvae", "0.0.1", None)
    assert (same.probability, same.prior) == (0.5, 0.5)
    asked = embedder.compare(stamp, stamp, prior=0.2)
    assert (asked.probability, asked.prior) == (0.2, 0.2)
    faint = embedder.compare(stamp, Image.new("RGB", (90, 80), "white"))
    assert (faint.verdict, faint.probability) == (Verdict.CANNOT_TELL, None)
    assert "too little ink" in faint.reason
    with pytest.raises(InvalidInput, match="the prior is 1: send a probability") as caught:
        embedder.compare(stamp, stamp, prior=1)
    assert caught.value.field == "prior"


def test_a_vector_takes_the_place_of_its_crop(embedder: EmbeddingPipeline) -> None:
    a, b = page_image(1, 90, 80), page_image(2, 90, 80)
    stored = Embedding(embedder(b), embedder.manifest.name, embedder.manifest.version)
    expected = embedder.compare(a, b)
    assert embedder.compare(a, stored).similarity == pytest.approx(expected.similarity, abs=1e-6)
    assert embedder.compare(stored, a).similarity == pytest.approx(expected.similarity, abs=1e-6)
    assert embedder.compare(stored, stored).similarity == pytest.approx(1)
    other = dataclasses.replace(stored, version="9.9.9")
    for pair in ((a, other), (other, a), (other, other)):
        with pytest.raises(IncompatibleVectors, match=r"tvae@9\.9\.9"):
            embedder.compare(*pair)


def test_paper_has_no_vector(embedder: EmbeddingPipeline) -> None:
    stamp, paper = np.asarray(page_image(1, 90, 80)), np.full((80, 90, 3), 255, np.uint8)
    assert len(embedder([stamp, stamp])) == 2
    for pictures in (paper, [stamp, paper], Image.fromarray(paper)):
        with pytest.raises(InvalidImage, match=r"too little ink \(0\.0% of the crop\): take a stronger impression"):
            embedder(pictures)
