"""The rules of a document on values alone: no model, no file, no server."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from stamp2vec.calibration import Verification
from stamp2vec.document import (
    AnalyzedPage,
    DocumentDies,
    InkModels,
    Models,
    Options,
    analyzed_stamp,
    assemble,
    calibration_of,
    check_stamp_count,
    cut,
    failed_page,
    merged,
    page_views,
)
from stamp2vec.errors import InvalidCall, InvalidImage, InvalidInput, ServiceError, Stamp2vecError
from stamp2vec.imaging import BrokenPage, PageInfo
from stamp2vec.values import Detection, DocumentResult, InkColour, ModelInfo, StampType, Task, Timing, Views
from tests.library.pairs import CALIBRATION


def timing() -> Timing:
    return Timing(0, 0, 0, 0, 0, 0)


DETECTOR = ModelInfo(
    name="detector",
    version="1.0.0",
    task=Task.DETECT,
    presets=(),
    architecture="detector",
    input_height=64,
    input_width=64,
    vector_size=0,
    parameters=0,
    sha256="",
    threshold=0.6,
)
TILED = dataclasses.replace(DETECTOR, views=Views.WHOLE_AND_TILES)
EMBEDDER = dataclasses.replace(
    DETECTOR,
    name="embedder",
    task=Task.EMBED,
    vector_size=2,
    verification=Verification(((0.0, 0.05), (1.0, 1.0)), 0.5, 0.2, {}),
)
SEGMENTER = dataclasses.replace(DETECTOR, name="segmenter", task=Task.SEGMENT)
VERIFIER = dataclasses.replace(DETECTOR, name="verifier", task=Task.VERIFY, pair_calibration=CALIBRATION)
MODELS = Models(DETECTOR, EMBEDDER, None, InkModels(VERIFIER, CALIBRATION, SEGMENTER))
A, B = np.array([1, 0], np.float32), np.array([0, 1], np.float32)


def paper(height: int = 200, width: int = 300) -> np.ndarray:
    return np.full((height, width, 3), 250, np.uint8)


def inked() -> np.ndarray:
    page = paper()
    page[60:140, 60:140] = (40, 60, 200)
    return page


def found(score: float = 0.9, box: tuple[float, float, float, float] = (50, 50, 150, 150)) -> Detection:
    return Detection(box, score, StampType.ROUND, 30.0, None)


def page(index: int, *vectors: np.ndarray, image: np.ndarray | None = None) -> AnalyzedPage:
    # A stamp of 240 pixels: on one of 160 letters are too small for SAME.
    large = (inked() if image is None else image).repeat(3, 0).repeat(3, 1)
    part = cut(large, found(box=(150, 150, 450, 450)))
    stamps = (analyzed_stamp(part, vector, None, Options(), keep_picture=True) for vector in vectors)
    return AnalyzedPage(index, PageInfo(200, 300), tuple(stamps))


def failed(index: int, error: Stamp2vecError) -> AnalyzedPage:
    return failed_page(BrokenPage(index, InvalidImage("unreadable")), error)


def compared(dies: DocumentDies) -> DocumentDies:
    """All that can be known: the segmenter finds the ink, and every place agrees."""
    while each := dies.next_round():
        dies.add_ink(each.crops, [255 - crop.min(2) for crop in each.crops.values()])
        laid = list(map(dies.lay, each.pairs))
        dies.learn(laid, [np.full((96, 96, 2), (255, 0), np.uint8)] * len(laid))
    return dies


def result_of(
    pages: Sequence[AnalyzedPage], models: Models = MODELS, options: Options | None = None, request_id: str = ""
) -> DocumentResult:
    asked = options or Options()
    dies = compared(DocumentDies(pages, models, asked.known_prior))
    return assemble(pages, dies, models, asked, timing, request_id)


def test_a_crop_is_the_box_with_a_margin_and_a_view_of_its_page() -> None:
    image = inked()
    part = cut(image, found())
    assert part.box == (42, 42, 158, 158)
    assert part.pixels.base is not None
    assert part.legible
    assert not cut(paper(), found()).legible


def test_a_stamp_has_what_its_detection_has_and_the_colour_of_the_page() -> None:
    each = analyzed_stamp(cut(inked(), found()), A, None, Options())
    assert (each.stamp.score, each.stamp.type, each.stamp.angle_degrees) == (0.9, StampType.ROUND, 30.0)
    assert each.stamp.ink_colour is InkColour.BLUE
    assert (each.stamp.mask, each.stamp.crop, each.stamp.die_group, each.picture) == (None, None, 0, None)
    page = inked()
    page[145:156, 60:140] = (200, 40, 40)  # print beside the stamp
    mask = np.zeros((116, 116), np.uint8)
    mask[103:114, 18:98] = 255
    each = analyzed_stamp(cut(page, found()), A, mask, Options())
    assert each.stamp.ink_colour is InkColour.RED, "where the mask has ink"


def test_pages_are_ordered_and_dies_are_counted_through_them() -> None:
    result = result_of([page(2, A), failed(1, InvalidImage("no")), page(0, B, A)], request_id="request")
    assert [each.index for each in result.pages] == [0, 1, 2]
    assert [[stamp.die_group for stamp in each.stamps] for each in result.pages] == [[1, 2], [], [2]]
    np.testing.assert_allclose(result.similarity, [[1, 0, 0], [0, 1, 1], [0, 1, 1]])
    assert result.probability is not None
    np.testing.assert_allclose(result.probability, [[1, 0.05, 0.05], [0.05, 1, 0.999], [0.05, 0.999, 1]], rtol=1e-6)
    assert (result.prior, result.request_id) == (0.5, "request")
    assert result.models == (DETECTOR, EMBEDDER, SEGMENTER, VERIFIER)


def test_a_stamp_that_is_not_legible_belongs_to_no_die() -> None:
    result = result_of([page(0, A), page(1, A, image=paper()), page(2, A)])
    assert [each.stamps[0].die_group for each in result.pages] == [1, 0, 1]
    assert result.probability is not None
    assert result.probability[0, 1] == 0.5, "by the vectors alone"


def test_the_prior_is_that_of_the_call() -> None:
    result = result_of([page(0, B, A), page(2, A)], options=Options(prior=0.1))
    assert result.prior == 0.1
    assert result.probability is not None
    by_vectors = 0.05 / 0.95 * 0.1 / 0.9
    np.testing.assert_allclose(result.probability[0, 1:], by_vectors / (1 + by_vectors), rtol=1e-4)
    assert result.probability[1, 2] == pytest.approx(1 / (1 + np.exp(-np.log(999) + np.log(9))), rel=1e-4)


def test_without_a_pair_network_there_are_probabilities_and_no_dies() -> None:
    result = result_of([page(0, A, A)], Models(DETECTOR, EMBEDDER, None))
    assert [stamp.die_group for stamp in result.pages[0].stamps] == [0, 0]
    assert result.probability is not None
    np.testing.assert_allclose(result.probability, [[1, 0.5], [0.5, 1]])
    assert result.models == (DETECTOR, EMBEDDER)


def test_models_of_ink_are_named_where_it_was_compared_and_each_once() -> None:
    assert result_of([page(0, A)]).models == (DETECTOR, EMBEDDER)
    masked = dataclasses.replace(MODELS, segmenter=SEGMENTER)
    assert result_of([page(0, A)], masked).models == (DETECTOR, EMBEDDER, SEGMENTER)
    assert result_of([page(0, A, A)], masked).models == (DETECTOR, EMBEDDER, SEGMENTER, VERIFIER)
    another = dataclasses.replace(SEGMENTER, name="another")
    own = dataclasses.replace(MODELS, segmenter=another)
    assert result_of([page(0, A, A)], own).models == (DETECTOR, EMBEDDER, another, SEGMENTER, VERIFIER)


def test_a_stamp_is_segmented_once_however_often_it_is_compared() -> None:
    """All places contradict: the second and the third are compared in a round of their own."""
    dies = DocumentDies([page(0, A, A, A)], MODELS, 0.5)
    segmented = []
    while each := dies.next_round():
        segmented.append(sorted(each.crops))
        assert all(crop.shape == (348, 348, 3) for crop in each.crops.values())
        dies.add_ink(each.crops, [255 - crop.min(2) for crop in each.crops.values()])
        laid = list(map(dies.lay, each.pairs))
        dies.learn(laid, [np.full((96, 96, 2), (0, 255), np.uint8)] * len(laid))
    assert segmented == [[0, 1, 2], []]
    assert dies.groups == [1, 2, 3]
    assert dies.ink_was_compared


def test_what_fails_is_of_no_die_and_harms_no_other_pair() -> None:
    dies = DocumentDies([page(0, A, A, A)], MODELS, 0.5)
    error = ServiceError("no", object())  # type: ignore[arg-type]
    each = dies.next_round()
    assert each is not None
    dies.add_ink(each.crops, [255 - crop.min(2) if number != 1 else error for number, crop in each.crops.items()])
    laid = list(map(dies.lay, each.pairs))
    assert [one is None for one in laid] == [True, False]
    dies.learn(laid, [np.full((96, 96, 2), (255, 0), np.uint8)])
    assert dies.next_round() is None
    assert dies.groups == [1, 0, 1]
    dies = DocumentDies([page(0, A, A)], MODELS, 0.5)
    each = dies.next_round()
    assert each is not None
    dies.add_ink(each.crops, [255 - crop.min(2) for crop in each.crops.values()])
    dies.learn(list(map(dies.lay, each.pairs)), [error])
    assert dies.next_round() is None
    assert dies.groups == [1, 0]


def test_pictures_are_kept_of_so_many_legible_stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stamp2vec.document.options.MAX_INK_STAMPS", 3)
    assert [Options().keeps_picture(before) for before in (0, 2, 3)] == [True, True, False]
    assert not Options(include_vectors=False).keeps_picture(0)
    large = np.repeat(np.repeat(inked(), 10, 0), 10, 1)
    each = analyzed_stamp(cut(large, found(box=(500, 500, 1500, 1500))), A, None, Options(), keep_picture=True)
    assert each.picture is not None
    assert each.picture.shape == (512, 512, 3)
    assert each.picture.base is None, "the page is not held by it"
    assert analyzed_stamp(cut(paper(), found()), A, None, Options(), keep_picture=True).picture is None


def test_a_pair_network_that_nobody_has_measured_is_refused() -> None:
    assert calibration_of(VERIFIER) is CALIBRATION
    with pytest.raises(InvalidInput, match=r"evidence of verifier@1\.0\.0 means: compare by a newer version") as caught:
        calibration_of(dataclasses.replace(VERIFIER, pair_calibration=None))
    assert caught.value.field == "mode"


def test_without_a_verification_there_are_similarities_alone() -> None:
    embedder = dataclasses.replace(EMBEDDER, verification=None)
    result = result_of([page(0, A, A)], dataclasses.replace(MODELS, embedder=embedder, segmenter=SEGMENTER))
    assert result.similarity.shape == (2, 2)
    assert (result.probability, result.prior) == (None, None)
    assert [stamp.die_group for stamp in result.pages[0].stamps] == [0, 0]
    assert [model.name for model in result.models] == ["detector", "embedder", "segmenter"]


def test_without_vectors_nothing_is_compared() -> None:
    part = analyzed_stamp(cut(inked(), found()), None, None, Options())
    pages = [AnalyzedPage(0, PageInfo(200, 300), (part, part))]
    result = result_of(pages, Models(DETECTOR, None, None), Options(include_vectors=False, prior=0.2))
    assert result.similarity.shape == (0, 0)
    assert (result.probability, result.prior) == (None, None)
    assert [stamp.die_group for stamp in result.pages[0].stamps] == [0, 0]
    assert result.models == (DETECTOR,)


def test_a_document_fails_when_all_of_its_pages_do_and_with_the_error_of_the_first() -> None:
    error = InvalidImage("page 1 is damaged: save it again", "document")
    with pytest.raises(InvalidImage, match="page 1 is damaged"):
        result_of([failed(1, ServiceError("no", object())), failed(0, error)])  # type: ignore[arg-type]
    with pytest.raises(InvalidImage, match="no pages"):
        result_of([])
    assert len(result_of([failed(0, error), page(1)]).pages) == 2


def test_too_many_stamps_are_refused_where_they_would_be_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stamp2vec.document.options.MAX_STAMPS", 3)
    check_stamp_count(3, Options())
    check_stamp_count(4, Options(include_vectors=False))
    with pytest.raises(InvalidInput, match="more than 3 stamps"):
        check_stamp_count(4, Options())


def test_all_options_at_fault_are_named() -> None:
    with pytest.raises(InvalidCall) as caught:
        Options(min_score=1.5, max_overlap=-0.1, prior=1.0).check()
    assert [violation.field for violation in caught.value.violations] == ["min_score", "max_overlap", "prior"]
    Options(min_score=0.0, max_overlap=float(np.float32(0.9)), prior=1e-6).check()


def test_the_manifest_decides_what_a_detector_gets_of_a_page() -> None:
    image = paper(800, 600)
    assert len(page_views(image, DETECTOR)) == 1
    assert len(page_views(image, TILED)) == 3
    assert all(view.pixels.shape == (64, 64, 3) for view in page_views(image, TILED))


def test_merged_stamps_are_in_pixels_of_the_page_and_score_enough() -> None:
    views = page_views(paper(128, 128), DETECTOR)
    detections = [found(0.9, (16, 16, 32, 32)), found(0.5, (40, 40, 60, 60))]
    (stamp,) = merged(views, [detections], DETECTOR, None, None)
    assert stamp.box == (32, 32, 64, 64)
    assert len(merged(views, [detections], DETECTOR, 0.4, None)) == 2
    assert len(merged(views, [detections], DETECTOR, 0.4, None, most=1)) == 1
