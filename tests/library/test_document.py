"""A document through the pipelines of this process."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stamp2vec import hub
from stamp2vec.engines.torch import TorchEngine
from stamp2vec.errors import InvalidImage, InvalidInput, ModelNotFound
from stamp2vec.imaging import decode_image
from stamp2vec.ink.lifting import lift, on_white
from stamp2vec.models import build
from stamp2vec.pipelines import DocumentPipeline, EmbeddingPipeline, SegmentationPipeline
from stamp2vec.reading import unroll
from stamp2vec.values import Preset, Task, Views
from tests.library.conftest import SHARP, manifest, page_image
from tests.library.pairs import WIDTH


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def tiff(images: list[Image.Image]) -> bytes:
    buffer = io.BytesIO()
    images[0].save(buffer, "TIFF", save_all=True, append_images=images[1:], compression="tiff_lzw")
    return buffer.getvalue()


@pytest.fixture
def pipeline(bundle: Path) -> DocumentPipeline:
    return DocumentPipeline.from_preset(Preset.FAST)


@pytest.fixture
def comparing(pipeline: DocumentPipeline, weights: Path) -> DocumentPipeline:
    """Of an embedder whose similarities mean something."""
    described, state = hub.load(weights / "tvae" / "0.0.1")
    embedder = EmbeddingPipeline(TorchEngine(replace(described, verification=SHARP), state))
    return DocumentPipeline(pipeline.detector, pipeline.segmenter, embedder, pipeline.verifier)


def test_strips_and_clean_stamps_come_without_masks(pipeline: DocumentPipeline) -> None:
    data = png(page_image(0))
    result = pipeline(data, include_vectors=False, include_unrolled=True, include_clean_stamps=True)
    whole = pipeline(data, include_vectors=False, include_crops=True, include_masks=True).pages[0].stamps
    assert [model.task for model in result.models] == [Task.DETECT, Task.SEGMENT]
    for stamp, other in zip(result.pages[0].stamps, whole, strict=True):
        assert stamp.mask is None
        assert stamp.crop is None
        assert other.crop is not None
        assert other.mask is not None
        assert (other.unrolled, other.transparent, other.ink) == ((), None, None)
        expected = unroll(other.crop, other.mask, other.type, other.angle_degrees)
        assert [strip.place for strip in stamp.unrolled] == [strip.place for strip in expected]
        for strip, same in zip(stamp.unrolled, expected, strict=True):
            np.testing.assert_array_equal(strip.pixels, same.pixels)
            np.testing.assert_array_equal(strip.ink, same.ink)
        np.testing.assert_array_equal(stamp.transparent, lift(other.crop, other.mask))
        np.testing.assert_array_equal(stamp.ink, on_white(lift(other.crop, other.mask)))


def test_everything_that_was_asked_for_comes_back(pipeline: DocumentPipeline) -> None:
    data = png(page_image(0))
    result = pipeline(data, include_masks=True, include_crops=True)
    (page,) = result.pages
    assert (page.index, page.width, page.height, page.error) == (0, 620, 877, None)
    assert page.stamps
    assert [stamp.score for stamp in page.stamps] == sorted((stamp.score for stamp in page.stamps), reverse=True)
    for stamp in page.stamps:
        x1, y1, x2, y2 = stamp.crop_box
        assert stamp.box[0] >= x1 >= 0
        assert stamp.box[1] >= y1 >= 0
        assert stamp.box[2] <= x2 <= 620
        assert stamp.box[3] <= y2 <= 877
        assert stamp.score >= 0.7
        assert stamp.crop is not None
        assert (stamp.crop == decode_image(data)[y1:y2, x1:x2]).all()
        assert stamp.mask is not None
        assert stamp.mask.shape == (y2 - y1, x2 - x1)
        assert stamp.vector is not None
        np.testing.assert_allclose(np.linalg.norm(stamp.vector), 1, rtol=1e-5)
        np.testing.assert_allclose(stamp.vector, pipeline.embedder(stamp.crop), atol=1e-5)
        np.testing.assert_array_equal(stamp.mask, pipeline.segmenter(stamp.crop))
    assert result.similarity.shape == (len(page.stamps), len(page.stamps))
    assert [model.task for model in result.models] == [Task.DETECT, Task.EMBED, Task.SEGMENT]
    assert result.timing.total_ms >= result.timing.detect_ms > 0
    assert (result.probability, result.prior) == (None, None)  # nobody has measured what similarities mean
    assert not any(stamp.die_group for stamp in page.stamps)


def test_what_was_not_asked_for_is_not_computed(pipeline: DocumentPipeline) -> None:
    result = pipeline(png(page_image(0)), include_vectors=False)
    assert all(stamp.vector is stamp.mask is stamp.crop is None for stamp in result.pages[0].stamps)
    assert result.similarity.shape == (0, 0)
    assert [model.task for model in result.models] == [Task.DETECT]


def test_similarity_spans_the_pages(pipeline: DocumentPipeline) -> None:
    page = page_image(0)
    result = pipeline(tiff([page, page_image(2), page]))
    first, second, third = (len(page.stamps) for page in result.pages)
    assert first == third > 0
    assert second > 0
    assert result.similarity.shape == (first + second + third,) * 2
    assert result.similarity[0, first + second] == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(np.diag(result.similarity), 1, atol=1e-5)


def large(seed: int) -> Image.Image:
    """A page with marks large enough for their ink to be compared."""
    return page_image(seed, 900, 1200).resize((1800, 2400))


def test_a_page_that_comes_twice_has_the_same_dies_twice(comparing: DocumentPipeline) -> None:
    page = large(0)
    result = comparing(tiff([page, page]), min_score=0.6)
    first, second = ([stamp.die_group for stamp in each.stamps] for each in result.pages)
    assert first == second
    assert max(first) > 0
    assert result.probability is not None
    np.testing.assert_array_equal(np.diag(result.probability), 1)
    np.testing.assert_array_equal(result.probability, result.probability.T)
    twins = [result.probability[number, number + len(first)] for number, group in enumerate(first) if group]
    assert min(twins) >= 0.9
    assert [model.task for model in result.models] == [Task.DETECT, Task.EMBED, Task.SEGMENT, Task.VERIFY]
    assert result.timing.total_ms > result.timing.compare_ms > 0
    assert comparing(png(page), include_vectors=False).probability is None


def test_the_prior_is_that_of_the_call(comparing: DocumentPipeline) -> None:
    page = large(0)
    result = comparing(tiff([page, page]), min_score=0.6, prior=0.01)
    assert result.prior == 0.01
    assert result.probability is not None
    ink = result.probability > np.float32(0.01)
    assert ink.sum() > len(ink), "by the ink, and a stamp with itself"
    for prior in (0.0, 1.0, float("nan")):
        with pytest.raises(InvalidInput, match="send a probability above 0 and below 1") as caught:
            comparing(png(page), prior=prior)
        assert caught.value.field == "prior"


def test_without_a_pair_network_there_are_no_dies(comparing: DocumentPipeline) -> None:
    page = large(0)
    alone = DocumentPipeline(comparing.detector, comparing.segmenter, comparing.embedder)
    result = alone(tiff([page, page]), min_score=0.6)
    assert {stamp.die_group for each in result.pages for stamp in each.stamps} == {0}
    assert result.probability is not None
    assert result.probability[~np.eye(len(result.probability), dtype=bool)].max() == 0.5
    assert [model.task for model in result.models] == [Task.DETECT, Task.EMBED]


def test_masks_of_another_segmenter_change_no_die(comparing: DocumentPipeline, weights: Path) -> None:
    described, state = hub.load(weights / "stamp-unet" / "0.0.1")
    nothing = {name: np.full_like(value, -9) if name == "logits.bias" else value for name, value in state.items()}
    nothing["logits.weight"] = np.zeros_like(state["logits.weight"])
    other = SegmentationPipeline(TorchEngine(replace(described, name="other"), nothing))
    mixed = DocumentPipeline(
        comparing.detector, other, comparing.embedder, comparing.verifier, compared=comparing.segmenter
    )
    page = large(0)
    document = tiff([page, page])
    result, expected = (each(document, min_score=0.6, include_masks=True) for each in (mixed, comparing))
    assert result.probability is not None
    assert expected.probability is not None
    np.testing.assert_array_equal(result.probability, expected.probability)
    stamps, twins = ([stamp for each in of.pages for stamp in each.stamps] for of in (result, expected))
    assert [stamp.die_group for stamp in stamps] == [stamp.die_group for stamp in twins]
    assert max(stamp.die_group for stamp in stamps) > 0
    assert not any(stamp.mask is None or stamp.mask.any() for stamp in stamps)
    assert any(stamp.mask is not None and stamp.mask.any() for stamp in twins)
    assert [model.name for model in result.models if model.task is Task.SEGMENT] == ["other", "stamp-unet"]


def test_no_more_ink_is_compared_than_allowed(comparing: DocumentPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stamp2vec.comparison.dies.MAX_INK_LOOKS", 1)
    page = large(0)
    result = comparing(tiff([page, page]), min_score=0.6)
    groups = [stamp.die_group for each in result.pages for stamp in each.stamps]
    assert len(groups) > 2
    assert groups.count(0) >= len(groups) - 2
    monkeypatch.setattr("stamp2vec.document.options.MAX_INK_STAMPS", 0)
    result = comparing(tiff([page, page]), min_score=0.6)
    assert not any(stamp.die_group for each in result.pages for stamp in each.stamps)
    assert result.probability is not None


def test_min_score_replaces_the_threshold(pipeline: DocumentPipeline) -> None:
    data = png(page_image(0))
    found = [len(pipeline(data, min_score=score, include_vectors=False).pages[0].stamps) for score in (0.01, 0.6, 1)]
    assert found[0] > found[1] > found[2] == 0
    with pytest.raises(InvalidInput, match=r"min_score is 1\.5: choose 0 to 1") as caught:
        pipeline(data, min_score=1.5)
    assert caught.value.field == "min_score"


def test_overlapping_stamps_are_kept_apart_when_asked(pipeline: DocumentPipeline) -> None:
    data = png(page_image(2))
    few, usual, many = (
        len(pipeline(data, max_overlap=overlap, include_vectors=False).pages[0].stamps) for overlap in (0.1, 0.5, 0.8)
    )
    assert few < usual < many
    with pytest.raises(InvalidInput, match=r"max_overlap is 0\.95: choose 0 to 0\.9") as caught:
        pipeline(data, max_overlap=0.95)
    assert caught.value.field == "max_overlap"


def test_a_detector_keeps_the_best_so_many(pipeline: DocumentPipeline) -> None:
    every = pipeline.detector(page_image(0), 0.1)
    assert len(every) > 2
    assert pipeline.detector(page_image(0), 0.1, max_detections=2) == every[:2]
    with pytest.raises(InvalidInput, match="max_detections is 0: send 1 to 300"):
        pipeline.detector(page_image(0), max_detections=0)


def test_a_document_of_too_many_stamps_is_refused_where_they_would_be_compared(
    pipeline: DocumentPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stamp2vec.document.options.MAX_STAMPS", 3)
    data = tiff([page_image(0), page_image(0)])
    with pytest.raises(InvalidInput, match="the document has more than 3 stamps: raise min_score") as caught:
        pipeline(data)
    assert caught.value.field == "min_score"
    assert len(pipeline(data, include_vectors=False).pages) == 2


@pytest.mark.slow
def test_the_accurate_models_answer_as_soon_as_they_are_there(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A detector of its own, which looks at tiles; the other models may serve both presets."""
    for name, architecture, presets, config, side in (
        ("stamp-yolo", "stamp-yolo", (Preset.ACCURATE,), {"width": 4}, 320),
        ("stamp-unet", "stamp-unet", (Preset.FAST,), {"width": 8}, 256),
        ("stamp-unet-lite", "stamp-unet-lite", (Preset.ACCURATE,), {"width": 8}, 256),
        ("tvae", "tvae", tuple(Preset), {"width": 8, "vector_size": 16}, 128),
        ("stamp-pair", "stamp-pair", tuple(Preset), {"width": WIDTH}, 384),
    ):
        tasks = {"stamp-yolo": Task.DETECT, "tvae": Task.EMBED, "stamp-pair": Task.VERIFY}
        task = tasks.get(name, Task.SEGMENT)
        model = build(architecture, config).eval()
        for part, weight in model.named_parameters():
            if part.endswith("to_score.bias"):
                torch.nn.init.zeros_(weight)
        described = replace(
            manifest(name, task, config, side, 16 if task is Task.EMBED else 0),
            presets=presets,
            views=Views.WHOLE_AND_TILES if task is Task.DETECT else Views.WHOLE,
        )
        hub.save(tmp_path / name / "0.0.1", described, model.state_dict())
    monkeypatch.setattr(hub.weights, "BUNDLED", (tmp_path,))
    result = DocumentPipeline.from_preset(Preset.ACCURATE)(
        png(page_image(0, 1800, 2600)), min_score=0.1, include_masks=True
    )
    assert [model.name for model in result.models] == ["stamp-yolo", "tvae", "stamp-unet-lite"]
    assert result.pages[0].stamps


def test_a_blank_page_is_a_result(pipeline: DocumentPipeline) -> None:
    result = pipeline(png(Image.new("RGB", (300, 200), "white")), min_score=1)
    assert result.pages[0].stamps == ()
    assert result.pages[0].error is None
    assert result.similarity.shape == (0, 0)


def test_a_broken_page_keeps_its_error_and_loses_no_other(pipeline: DocumentPipeline) -> None:
    result = pipeline(tiff([page_image(0), Image.new("RGB", (5, 5)), page_image(2)]))
    assert [page.error is None for page in result.pages] == [True, False, True]
    assert isinstance(result.pages[1].error, InvalidImage)
    assert "too small" in str(result.pages[1].error)
    assert len(result.similarity) == sum(len(page.stamps) for page in result.pages)


@pytest.mark.parametrize("data", [b"", b"no image", tiff([Image.new("RGB", (5, 5)), Image.new("RGB", (6, 6))])])
def test_a_document_without_a_readable_page_is_an_error(pipeline: DocumentPipeline, data: bytes) -> None:
    with pytest.raises(InvalidImage) as caught:
        pipeline(data)
    assert caught.value.field == "document"


def test_a_preset_without_models_is_an_error(bundle: Path) -> None:
    with pytest.raises(ModelNotFound, match="no model to detect has the preset accurate"):
        DocumentPipeline.from_preset(Preset.ACCURATE)
