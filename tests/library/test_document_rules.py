"""The rules of a document on values alone: no model, no file, no server."""

import dataclasses

import numpy as np
import pytest

from stamp2vec.detection.candidates import SCORE_FLOOR
from stamp2vec.document import (
    AnalyzedPage,
    Models,
    Options,
    analyzed_stamp,
    assemble,
    check_stamp_count,
    cut,
    failed_page,
    merged,
    page_views,
    view_min_score,
)
from stamp2vec.errors import InvalidCall, InvalidImage, InvalidInput, ServiceError
from stamp2vec.values import Detection, InkColour, ModelInfo, StampType, Task, Timing, Verification, Views


def timing() -> Timing:
    return Timing(0, 0, 0, 0, 0)


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
    verification=Verification(((-1.0, 0.0), (1.0, 1.0)), 0.5, 0.2, {}),
)
SEGMENTER = dataclasses.replace(DETECTOR, name="segmenter", task=Task.SEGMENT)
MODELS = Models(DETECTOR, EMBEDDER, None)
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
    part = cut(inked() if image is None else image, found())
    return AnalyzedPage(index, 200, 300, tuple(analyzed_stamp(part, vector, None) for vector in vectors))


def test_a_crop_is_the_box_with_a_margin_and_a_view_of_its_page() -> None:
    image = inked()
    part = cut(image, found())
    assert part.box == (42, 42, 158, 158)
    assert part.pixels.base is not None
    assert part.legible
    assert not cut(paper(), found()).legible


def test_a_stamp_has_what_its_detection_has_and_the_colour_of_the_page() -> None:
    each = analyzed_stamp(cut(inked(), found()), A, None)
    assert (each.stamp.score, each.stamp.type, each.stamp.angle_degrees) == (0.9, StampType.ROUND, 30.0)
    assert each.stamp.ink_colour is InkColour.BLUE
    assert (each.stamp.mask, each.stamp.crop, each.stamp.die_group) == (None, None, 0)
    page = inked()
    page[145:156, 60:140] = (200, 40, 40)  # print beside the stamp
    mask = np.zeros((116, 116), np.uint8)
    mask[103:114, 18:98] = 255
    assert analyzed_stamp(cut(page, found()), A, mask).stamp.ink_colour is InkColour.RED  # where the mask has ink


def test_pages_are_ordered_and_dies_are_counted_through_them() -> None:
    result = assemble([page(2, A), failed_page(1, InvalidImage("no")), page(0, B, A)], MODELS, timing, "request")
    assert [each.index for each in result.pages] == [0, 1, 2]
    assert [[stamp.die_group for stamp in each.stamps] for each in result.pages] == [[1, 2], [], [2]]
    np.testing.assert_allclose(result.similarity, [[1, 0, 0], [0, 1, 1], [0, 1, 1]])
    assert result.probability is not None
    np.testing.assert_allclose(result.probability, [[1, 0.5, 0.5], [0.5, 1, 1], [0.5, 1, 1]])
    assert (result.models, result.request_id) == ((DETECTOR, EMBEDDER), "request")


def test_a_stamp_that_is_not_legible_belongs_to_no_die() -> None:
    result = assemble([page(0, A), page(1, A, image=paper()), page(2, A)], MODELS, timing)
    assert [each.stamps[0].die_group for each in result.pages] == [1, 0, 1]


def test_without_a_verification_there_are_similarities_alone() -> None:
    models = Models(DETECTOR, dataclasses.replace(EMBEDDER, verification=None), SEGMENTER)
    result = assemble([page(0, A, A)], models, timing)
    assert result.similarity.shape == (2, 2)
    assert result.probability is None
    assert [stamp.die_group for stamp in result.pages[0].stamps] == [0, 0]
    assert [model.name for model in result.models] == ["detector", "embedder", "segmenter"]


def test_without_vectors_nothing_is_compared() -> None:
    part = analyzed_stamp(cut(inked(), found()), None, None)
    result = assemble([AnalyzedPage(0, 200, 300, (part, part))], Models(DETECTOR, None, None), timing)
    assert result.similarity.shape == (0, 0)
    assert result.probability is None
    assert [stamp.die_group for stamp in result.pages[0].stamps] == [0, 0]
    assert result.models == (DETECTOR,)


def test_a_document_fails_when_all_of_its_pages_do_and_with_the_error_of_the_first() -> None:
    error = InvalidImage("page 1 is damaged: save it again", "document")
    with pytest.raises(InvalidImage, match="page 1 is damaged"):
        assemble([failed_page(1, ServiceError("no", object())), failed_page(0, error)], MODELS, timing)  # type: ignore[arg-type]
    with pytest.raises(InvalidImage, match="no pages"):
        assemble([], MODELS, timing)
    assert len(assemble([failed_page(0, error), page(1)], MODELS, timing).pages) == 2


def test_too_many_stamps_are_refused_where_they_would_be_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stamp2vec.document.options.MAX_STAMPS", 3)
    check_stamp_count(3, Options())
    check_stamp_count(4, Options(include_vectors=False))
    with pytest.raises(InvalidInput, match="more than 3 stamps"):
        check_stamp_count(4, Options())


def test_all_options_at_fault_are_named() -> None:
    with pytest.raises(InvalidCall) as caught:
        Options(min_score=1.5, max_overlap=-0.1).check()
    assert [violation.field for violation in caught.value.violations] == ["min_score", "max_overlap"]
    Options(min_score=0.0, max_overlap=float(np.float32(0.9))).check()


def test_the_manifest_decides_what_a_detector_gets_of_a_page() -> None:
    image = paper(800, 600)
    assert len(page_views(image, DETECTOR)) == 1
    assert len(page_views(image, TILED)) == 3
    assert all(view.pixels.shape == (64, 64, 3) for view in page_views(image, TILED))


def test_of_several_views_each_gives_all_that_it_has() -> None:
    assert view_min_score(DETECTOR, None) is None
    assert view_min_score(DETECTOR, 0.3) == 0.3
    assert view_min_score(TILED, 0.3) == view_min_score(TILED, None) == SCORE_FLOOR


def test_merged_stamps_are_in_pixels_of_the_page_and_score_enough() -> None:
    views = page_views(paper(128, 128), DETECTOR)
    detections = [found(0.9, (16, 16, 32, 32)), found(0.5, (40, 40, 60, 60))]
    (stamp,) = merged(views, [detections], DETECTOR, None, None)
    assert stamp.box == (32, 32, 64, 64)
    assert len(merged(views, [detections], DETECTOR, 0.4, None)) == 2
    assert len(merged(views, [detections], DETECTOR, 0.4, None, most=1)) == 1
