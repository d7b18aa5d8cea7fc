"""Two impressions laid over each other: what is found of seals drawn here, and that no picture breaks it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from stamp2vec import hub
from stamp2vec.comparison import Inked, illegibility, judge_overlay, overlay_of
from stamp2vec.engines.torch import TorchEngine
from stamp2vec.errors import InvalidInput
from stamp2vec.pipelines import EmbeddingPipeline, SegmentationPipeline
from stamp2vec.values import Measures, Overlay, SecondLook, Verdict, Verification, evidence
from stamp2vec.wire.comparisons import overlay_from_message, overlay_to_message
from tests.library.conftest import page_image

SECOND_LOOK = SecondLook(
    segmenter="stamp-unet",
    intercept=-6.0,
    similarity=2.0,
    correlation=8.0,
    least_change=-9.0,
    local_correlation=2.0,
)
VERIFICATION = Verification(((0.0, 0.1), (1.0, 0.9)), 0.5, 0.2, {}, SECOND_LOOK)
SIDE = 256


def seal(name: str, turn: float = 0.0, scale: float = 1.0, shift: int = 0, blot: bool = False) -> Inked:
    """An impression of a round seal with a name and a number, blue on white; `blot` leaves a corner without ink."""
    drawn = Image.new("L", (2 * SIDE, 2 * SIDE), 0)
    draw = ImageDraw.Draw(drawn)
    for radius in (200, 150):
        draw.ellipse((SIDE - radius, SIDE - radius, SIDE + radius, SIDE + radius), outline=255, width=8)
    draw.text((SIDE, SIDE - 60), "REGISTERED", fill=255, anchor="mm", font=ImageFont.load_default(32))
    draw.text((SIDE, SIDE + 20), name, fill=255, anchor="mm", font=ImageFont.load_default(76))
    if blot:
        draw.rectangle((0, 0, SIDE, SIDE - 90), fill=0)
    turned = drawn.rotate(turn, Image.Resampling.BICUBIC)
    side = round(SIDE * scale)
    ink = Image.new("L", (SIDE, SIDE), 0)
    ink.paste(turned.resize((side, side), Image.Resampling.BOX), ((SIDE - side) // 2 + shift, (SIDE - side) // 2))
    mask = np.asarray(ink)
    crop = 255 - (mask[..., None] / 255 * (255 - np.array([30, 60, 180]))).astype(np.uint8)
    return Inked(crop, mask)


@pytest.mark.parametrize(
    ("turn", "scale", "shift"), [(0, 1.0, 0), (37, 0.9, 8), (-118, 0.85, -10), (180, 1.0, 5), (91, 0.8, 0)]
)
def test_impressions_of_one_die_come_to_lie_on_each_other(turn: float, scale: float, shift: int) -> None:
    seen = overlay_of(seal("ORION 77"), seal("ORION 77", turn, scale, shift)).measures
    assert seen.correlation > 0.9
    assert max(seen.missing_ink, seen.added_ink) < 0.03
    assert seen.local_correlation > 0.7


def test_another_name_shows_on_both_sides_and_lost_ink_on_one() -> None:
    die = seal("ORION 77")
    lost = overlay_of(die, seal("ORION 77", 37, 0.9, blot=True)).measures
    sibling = overlay_of(die, seal("VESTA 41", 37, 0.9)).measures
    assert lost.missing_ink > 0.1
    assert lost.added_ink < 0.03
    assert min(sibling.missing_ink, sibling.added_ink) > 0.03
    assert sibling.local_correlation < 0.5
    back = overlay_of(seal("ORION 77", 37, 0.9, blot=True), die).measures
    assert back.added_ink > 0.1
    assert back.missing_ink < 0.03


def test_the_verdict_weighs_what_was_seen() -> None:
    die, other = seal("ORION 77"), seal("VESTA 41", 37, 0.9)
    same = judge_overlay(0.9, overlay_of(die, seal("ORION 77", 37, 0.9)), SECOND_LOOK)
    assert (same.verdict, same.reason) == (Verdict.SAME, "")
    different = judge_overlay(0.9, overlay_of(die, other), SECOND_LOOK)
    assert different.probability is not None
    assert same.probability is not None
    assert different.probability < same.probability
    assert judge_overlay(0.9, overlay_of(die, other), SECOND_LOOK, "too few pixels").reason == "too few pixels"


def test_without_ink_there_is_no_verdict() -> None:
    paper = Inked(np.full((SIDE, SIDE, 3), 255, np.uint8), np.zeros((SIDE, SIDE), np.uint8))
    for a, b in ((paper, paper), (paper, seal("ORION 77")), (seal("ORION 77"), paper)):
        found = judge_overlay(1.0, overlay_of(a, b), SECOND_LOOK)
        assert found.verdict is Verdict.CANNOT_TELL
        assert "stamp-unet finds no ink" in found.reason


def plain(height: int, width: int, level: int, ink: int) -> Inked:
    return Inked(np.full((height, width, 3), level, np.uint8), np.full((height, width), ink, np.uint8))


def noise(height: int, width: int) -> Inked:
    rng = np.random.default_rng(0)
    return Inked(
        rng.integers(0, 256, (height, width, 3)).astype(np.uint8),
        rng.integers(0, 256, (height, width)).astype(np.uint8),
    )


@pytest.mark.parametrize(
    "hostile",
    [
        plain(SIDE, SIDE, 0, 255),
        plain(SIDE, SIDE, 255, 255),
        plain(SIDE, SIDE, 255, 0),
        plain(SIDE, SIDE, 0, 0),
        plain(1, SIDE, 0, 255),
        plain(SIDE, 1, 0, 255),
        plain(1, 1, 0, 255),
        noise(SIDE, SIDE),
        noise(3, 1200),
        noise(1500, 1100),
    ],
)
def test_any_picture_has_measures_within_their_bounds(hostile: Inked) -> None:
    stamp = seal("ORION 77")
    for a, b in ((hostile, stamp), (stamp, hostile), (hostile, hostile)):
        seen = overlay_of(a, b)
        assert seen.a_ink.shape == seen.b_ink.shape == (160, 160)
        values = seen.measures
        assert -1 <= values.correlation <= 1
        assert 0 <= values.missing_ink <= 1
        assert 0 <= values.added_ink <= 1
        assert np.isfinite(dataclasses.astuple(values)).all()
        assert 0 <= SECOND_LOOK.probability(0.5, values) <= 1


def test_the_log_odds_are_the_weighted_sum_of_the_evidence() -> None:
    measures = Measures(0.8, 0.3, 0.1, 0.4)
    assert evidence(0.5, measures) == (0.5, 0.8, 0.1, 0.4)
    log_odds = -6.0 + 2 * 0.5 + 8 * 0.8 - 9 * 0.1 + 2 * 0.4
    assert SECOND_LOOK.probability(0.5, measures) == pytest.approx(1 / (1 + np.exp(-log_odds)))
    assert dataclasses.replace(SECOND_LOOK, intercept=1e300).probability(0.5, measures) == pytest.approx(0.999)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("segmenter", ""),
        ("segmenter", "https://models.example/x"),
        ("intercept", float("nan")),
        ("correlation", np.inf),
    ],
)
def test_weights_that_cannot_be_right_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        dataclasses.replace(SECOND_LOOK, **{name: value})  # type: ignore[arg-type]


def test_an_overlay_survives_the_wire() -> None:
    seen = overlay_of(seal("ORION 77"), seal("VESTA 41"))
    back: Overlay = overlay_from_message(overlay_to_message(seen))
    np.testing.assert_array_equal(back.a_ink, seen.a_ink)
    np.testing.assert_array_equal(back.b_ink, seen.b_ink)
    assert dataclasses.astuple(back.measures) == pytest.approx(dataclasses.astuple(seen.measures), abs=1e-6)


def test_crops_are_compared_thoroughly_in_process(weights: Path) -> None:
    manifest, state = hub.load(weights / "tvae" / "0.0.1")
    segmenter = SegmentationPipeline.from_pretrained(weights / "stamp-unet" / "0.0.1")
    embedder = EmbeddingPipeline(TorchEngine(dataclasses.replace(manifest, verification=VERIFICATION), state))
    a, b = page_image(1, 90, 80), page_image(2, 300, 20)
    found = embedder.compare_thoroughly(a, b, segmenter)
    assert found.similarity == embedder.compare(a, b).similarity
    assert found.overlay is not None
    assert found.probability == SECOND_LOOK.probability(found.similarity, found.overlay.measures)
    tiny = embedder.compare_thoroughly(a, Image.new("RGB", (8, 400), "white"), segmenter)
    assert (tiny.verdict, tiny.reason) == (Verdict.CANNOT_TELL, illegibility(np.full((400, 8, 3), 255, np.uint8)))


def test_what_was_not_measured_is_refused(weights: Path) -> None:
    manifest, state = hub.load(weights / "tvae" / "0.0.1")
    segmenter = SegmentationPipeline.from_pretrained(weights / "stamp-unet" / "0.0.1")
    stamp = page_image(1, 90, 80)
    for verification in (None, dataclasses.replace(VERIFICATION, second_look=None)):
        embedder = EmbeddingPipeline(TorchEngine(dataclasses.replace(manifest, verification=verification), state))
        with pytest.raises(InvalidInput, match=r"nobody has measured a second look for tvae@0\.0\.1") as caught:
            embedder.compare_thoroughly(stamp, stamp, segmenter)
        assert caught.value.field == "mode"
    other = dataclasses.replace(VERIFICATION, second_look=dataclasses.replace(SECOND_LOOK, segmenter="other"))
    with pytest.raises(InvalidInput, match="masks of other, not of stamp-unet: pass other"):
        EmbeddingPipeline(TorchEngine(dataclasses.replace(manifest, verification=other), state)).compare_thoroughly(
            stamp, stamp, segmenter
        )
