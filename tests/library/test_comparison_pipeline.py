"""Two crops to a verdict in this process: by their vectors and by their ink."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stamp2vec import hub
from stamp2vec.comparison import Inked, judge_ink, lay
from stamp2vec.comparison.evidence import CONTRADICTS
from stamp2vec.comparison.frames import SIDE_PX
from stamp2vec.engines import load_infer
from stamp2vec.engines.torch import TorchEngine
from stamp2vec.errors import InvalidImage, InvalidInput, ModelNotFound, WeightsError
from stamp2vec.pipelines import (
    ComparisonPipeline,
    DocumentPipeline,
    EmbeddingPipeline,
    SegmentationPipeline,
    VerificationPipeline,
)
from stamp2vec.values import Preset, Verdict
from tests.library.conftest import page_image
from tests.library.pairs import CALIBRATION
from tests.library.seals import coloured, ink, seal

NAME = "ORION 77"


@pytest.fixture
def pipeline(bundle: Path) -> ComparisonPipeline:
    return ComparisonPipeline.from_preset()


@pytest.fixture
def verifier(bundle: Path) -> VerificationPipeline:
    return VerificationPipeline.from_pretrained("stamp-pair")


def crop(name: str, *where: float, **options: object) -> np.ndarray:
    return coloured(ink(name, *where, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        (crop(NAME), Verdict.SAME),
        (crop("VESTA 41"), Verdict.DIFFERENT),
        (crop(NAME, mirrored=True), Verdict.MIRRORED),
        (Image.new("RGB", (90, 80), "white"), Verdict.CANNOT_TELL),
    ],
    ids=["same", "different", "mirrored", "blank"],
)
def test_two_crops_have_a_verdict(pipeline: ComparisonPipeline, other: np.ndarray, verdict: Verdict) -> None:
    one = crop(NAME)
    found, back = pipeline(one, other), pipeline(other, one)
    assert found.verdict is back.verdict is verdict
    assert found.probability == back.probability
    assert found.similarity == pytest.approx(pipeline.embedder.compare(one, other).similarity, abs=1e-6)
    assert (found.model, found.version, found.prior) == ("tvae", "0.0.1", 0.5)
    assert (found.overlay is None) == (found.probability is None) == (verdict is Verdict.CANNOT_TELL)
    if found.overlay is not None:
        assert found.overlay.mirrored == (verdict is Verdict.MIRRORED)


def test_the_parts_are_those_of_the_library(pipeline: ComparisonPipeline) -> None:
    a, b = crop(NAME), crop("VESTA 41", 37, 0.9)
    found = pipeline(a, b, prior=0.1)
    laid = lay(*map(Inked.of, (a, b), pipeline.segmenter([a, b])))
    (places,) = pipeline.verifier([laid])
    expected = judge_ink(laid, places, CALIBRATION, 0.1)
    assert (found.probability, found.verdict, found.reason, found.prior) == (
        expected.probability,
        expected.verdict,
        expected.reason,
        0.1,
    )
    assert found.overlay is not None
    assert expected.overlay is not None
    np.testing.assert_array_equal(found.overlay.agrees, expected.overlay.agrees)


def test_an_illegible_crop_is_not_compared(pipeline: ComparisonPipeline) -> None:
    stamp = crop(NAME)
    for other, reason in (
        (Image.new("RGB", (90, 80), "white"), "too little ink (0.0% of the crop): take a stronger impression"),
        (page_image(1, 30, 12), "too few pixels (30 x 12): scan the stamp"),
    ):
        found = pipeline(stamp, other)
        assert (found.verdict, found.probability, found.overlay) == (Verdict.CANNOT_TELL, None, None)
        assert found.reason.startswith(reason)


@pytest.mark.parametrize("prior", [0.0, 1.0, float("nan"), -1.0])
def test_a_prior_is_checked(pipeline: ComparisonPipeline, prior: float) -> None:
    with pytest.raises(InvalidInput, match="send a probability above 0 and below 1") as caught:
        pipeline(crop(NAME), crop(NAME), prior=prior)
    assert caught.value.field == "prior"


def test_what_is_no_picture_is_an_error(pipeline: ComparisonPipeline) -> None:
    with pytest.raises(InvalidImage, match="not an image"):
        pipeline(crop(NAME), b"no image")


def test_pairs_come_back_in_order_however_they_are_batched(verifier: VerificationPipeline) -> None:
    names = ["A 1", "B 22", "C 333"]
    pairs = [lay(seal(names[number % 3]), seal(names[number % 2])) for number in range(10)]
    found = verifier(pairs)
    assert len(found) == len(pairs)
    for places, laid in zip(found, pairs, strict=True):
        assert places.shape == (SIDE_PX // 4, SIDE_PX // 4, 2)
        (alone,) = verifier([laid])
        np.testing.assert_allclose(places.astype(int), alone.astype(int), atol=1)
    assert verifier([]) == []


def test_what_a_service_runs_answers_as_the_pipeline(weights: Path) -> None:
    folder = weights / "stamp-pair" / "0.0.1"
    infer = load_infer("verify", str(folder), "cpu", hub.read_manifest(folder).sha256)
    laid = [lay(seal(NAME), seal(name)) for name in (NAME, "VESTA 41")]
    same, different = infer(np.stack([each.picture for each in laid]))
    assert not same[..., CONTRADICTS].any()
    assert different[..., CONTRADICTS].max() == 255
    np.testing.assert_array_equal(VerificationPipeline.from_pretrained(folder)(laid), [same, different])
    with pytest.raises(WeightsError, match="made to verify: give a model that is made to embed"):
        load_infer("embed", str(folder), "cpu", "")


def test_a_preset_without_models_is_an_error(bundle: Path) -> None:
    with pytest.raises(ModelNotFound, match="no model to embed has the preset accurate"):
        ComparisonPipeline.from_preset(Preset.ACCURATE)
    with pytest.raises(ModelNotFound, match="no model to verify has the preset accurate"):
        ComparisonPipeline.of(EmbeddingPipeline.from_pretrained("tvae"), Preset.ACCURATE)
    with pytest.raises(WeightsError, match=r"stamp-pair@0\.0\.1 is made to verify: give a model that is made to embed"):
        EmbeddingPipeline.from_pretrained("stamp-pair")


def test_a_pair_network_that_nobody_has_measured_is_refused(bundle: Path) -> None:
    manifest, state = hub.load("stamp-pair")
    segmenter, embedder = SegmentationPipeline.from_pretrained("stamp-unet"), EmbeddingPipeline.from_pretrained("tvae")
    unmeasured = VerificationPipeline(TorchEngine(dataclasses.replace(manifest, pair_calibration=None), state))
    with pytest.raises(InvalidInput, match=r"nobody has measured what the evidence of stamp-pair@0\.0\.1") as caught:
        ComparisonPipeline(embedder, segmenter, unmeasured)
    assert caught.value.field == "mode"
    other = dataclasses.replace(manifest, pair_calibration=dataclasses.replace(CALIBRATION, segmenter="other"))
    elsewhere = VerificationPipeline(TorchEngine(other, state))
    document = DocumentPipeline.from_preset()
    for make in (
        lambda: ComparisonPipeline(embedder, segmenter, elsewhere),
        lambda: DocumentPipeline(document.detector, segmenter, embedder, elsewhere),
    ):
        with pytest.raises(InvalidInput, match="measured with masks of other, not of stamp-unet: pass other"):
            make()
