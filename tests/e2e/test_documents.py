"""A real page through the four real services."""

import dataclasses
import io
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image

from stamp2vec.client import Client
from stamp2vec.errors import InvalidInput
from stamp2vec.imaging import Page, crop, decode_image, decode_pages
from stamp2vec.pipelines import ComparisonPipeline, DocumentPipeline
from stamp2vec.v1 import common_pb2, gateway_pb2
from stamp2vec.values import Outcome, PageResult, Preset, StampPlace, Verdict
from tests.e2e.live import TIMEOUT_S, Running
from tests.library.seals import coloured, ink
from tests.parity import RULES, hold_equal


@pytest.fixture(scope="module")
def client(services: Running) -> Iterator[Client]:
    with Client(services.stack.address("gateway").target, deadline_s=TIMEOUT_S) as client:
        yield client


def test_a_page_gives_boxes_masks_vectors_and_similarities(client: Client, page: bytes) -> None:
    result = client.analyze(page, include_masks=True, include_crops=True)
    image = decode_image(page)
    (found,) = result.pages
    assert (found.height, found.width) == image.shape[:2]
    assert found.stamps
    for stamp in found.stamps:
        pixels, box = crop(image, stamp.box)
        assert stamp.crop_box == box
        assert stamp.crop is not None
        np.testing.assert_array_equal(stamp.crop, pixels)
        assert stamp.mask is not None
        assert stamp.mask.shape == pixels.shape[:2]
        assert stamp.vector is not None
        assert np.linalg.norm(stamp.vector) == pytest.approx(1, abs=1e-4)
    count = len(found.stamps)
    assert result.similarity.shape == (count, count)
    np.testing.assert_allclose(result.similarity, result.similarity.T, atol=1e-5)
    np.testing.assert_allclose(np.diag(result.similarity), 1, atol=1e-4)
    assert [model.task for model in result.models] == ["detect", "embed", "segment", "refine", "verify"]
    assert 0 < result.timing.detect_ms < result.timing.total_ms


def test_the_parity_test_compares_every_field(
    pipeline: DocumentPipeline, page: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails when a value differs, and when a field is added that it knows nothing of."""
    result = pipeline(page)
    hold_equal(result, result)
    probability = 1 - result.probability if result.probability is not None else None
    with pytest.raises(AssertionError):
        hold_equal(result, dataclasses.replace(result, probability=probability))
    added = dataclasses.make_dataclass("Added", [("language", str, "")], bases=(PageResult,), frozen=True)
    one = added(0, 1, 1, (), None, language="fr")
    monkeypatch.setitem(RULES, added, RULES[PageResult])
    with pytest.raises(pytest.fail.Exception, match="language"):
        hold_equal(one, one)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"include_masks": True, "include_crops": True},
        {"include_vectors": False, "include_masks": True},
        {"include_vectors": False, "include_unrolled": True, "include_clean_stamps": True},
        {"min_score": 0.9},
        {"min_score": 1.0},
        {"prior": 0.1},
        {"include_vectors": False, "prior": 0.1},
        {"max_overlap": float(np.float32(0.1))},
        {"max_overlap": float(np.float32(0.9))},
        {"include_erased_page": True, "include_vectors": False},
    ],
    ids=[
        "default",
        "masks and crops",
        "no vectors",
        "strips and clean stamps",
        "certain ones",
        "none",
        "prior",
        "prior and no vectors",
        "apart",
        "overlapping",
        "erased page",
    ],
)
def test_the_gateway_answers_what_the_pipelines_answer(
    client: Client, pipeline: DocumentPipeline, page: bytes, options: dict[str, Any]
) -> None:
    hold_equal(client.analyze(page, **options), pipeline(page, **options))


@pytest.mark.parametrize("kind", ["TIFF", "PDF"])
def test_erasing_is_the_same(client: Client, pipeline: DocumentPipeline, page: bytes, kind: str) -> None:
    with Image.open(io.BytesIO(page)) as image:
        rgb = image.convert("RGB")
    file = io.BytesIO()
    rgb.save(file, kind, save_all=True, append_images=[rgb.rotate(180)])
    keep = [StampPlace(1, 1)]
    ours = client.erase(file.getvalue(), keep=keep, min_score=0.6)
    theirs = pipeline.erase(file.getvalue(), keep=keep, min_score=0.6)
    hold_equal(ours, theirs)
    assert {stamp.outcome for each in ours.pages for stamp in each.stamps} > {Outcome.NOT_SELECTED}
    for one, other in zip(decode_pages(ours.data), decode_pages(theirs.data), strict=True):
        assert isinstance(one, Page)
        assert isinstance(other, Page)
        np.testing.assert_allclose(one.image.astype(int), other.image, atol=2)


def test_probabilities_and_dies_are_the_same(client: Client, pipeline: DocumentPipeline, page: bytes) -> None:
    """On a document of which some stamps are of one die and others are not."""
    with Image.open(io.BytesIO(page)) as image:
        twice = tiff(image.convert("RGB"), image.convert("RGB"))
    result = client.analyze(twice, min_score=0.6)
    assert result.probability is not None
    first, second = ([stamp.die_group for stamp in page.stamps] for page in result.pages)
    shared = {*first} & {*second} - {0}
    assert len(shared) > 1
    assert [model.task for model in result.models] == ["detect", "embed", "refine", "segment", "verify"]
    assert 0 < result.timing.compare_ms < result.timing.total_ms
    hold_equal(result, pipeline(twice, min_score=0.6))


def test_a_page_without_stamps_is_no_failure(client: Client, pipeline: DocumentPipeline) -> None:
    file = io.BytesIO()
    Image.new("RGB", (600, 800), "white").save(file, "PNG")
    options: dict[str, Any] = {"min_score": 0.999}
    result = client.analyze(file.getvalue(), **options)
    assert [page.stamps for page in result.pages] == [()]
    hold_equal(result, pipeline(file.getvalue(), **options))


def test_the_accurate_models_answer_for_a_large_page_as_the_pipelines_do(
    client: Client, accurate_pipeline: DocumentPipeline, page: bytes
) -> None:
    """They get tiles of it as well."""
    with Image.open(io.BytesIO(page)) as image:
        large = image.convert("RGB").resize((3000 * image.width // image.height, 3000))
    file = io.BytesIO()
    large.save(file, "JPEG")
    document = file.getvalue()
    result = client.analyze(document, Preset.ACCURATE, include_masks=True)
    assert [model.name for model in result.models][:3] == ["stamp-yolo", "tvae", "stamp-unet"]
    assert result.pages[0].stamps
    hold_equal(result, accurate_pipeline(document, include_masks=True))
    (found,) = client.detect([document], Preset.ACCURATE)
    assert isinstance(found, list)
    assert [each.type for each in found] == [each.type for each in accurate_pipeline.detector(document)]


def tiff(*pages: Image.Image) -> bytes:
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=list(pages[1:]), compression="tiff_deflate")
    return file.getvalue()


def break_page(data: bytes, index: int, strips: int | None = None) -> bytes:
    """Overwrite the compressed pixels of one page of a TIFF, or of its first strips."""
    with Image.open(io.BytesIO(data)) as file:
        file.seek(index)
        places = list(zip(file.tag_v2[273], file.tag_v2[279], strict=True))  # type: ignore[attr-defined]
    for offset, size in places[:strips]:
        data = data[:offset] + b"\xff" * size + data[offset + size :]
    return data


def test_a_broken_page_of_a_tiff_loses_no_other(client: Client, pipeline: DocumentPipeline, page: bytes) -> None:
    with Image.open(io.BytesIO(page)) as image:
        upright = image.convert("RGB")
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    document = break_page(tiff(upright, upright, turned), 1)
    result = client.analyze(document)
    assert [found.error is None for found in result.pages] == [True, False, True]
    assert "damaged" in str(result.pages[1].error)
    assert result.pages[0].stamps
    assert result.pages[2].stamps
    hold_equal(result, pipeline(document))


def test_a_page_that_is_damaged_in_part_is_answered_with_a_warning(
    client: Client, pipeline: DocumentPipeline, page: bytes
) -> None:
    with Image.open(io.BytesIO(page)) as image:
        document = break_page(tiff(image.convert("RGB")), 0, strips=1)
    result = client.analyze(document)
    (only,) = result.pages
    assert only.error is None
    assert only.stamps
    assert "damaged and may hide stamps" in only.warnings[0]
    hold_equal(result, pipeline(document))


@pytest.mark.parametrize("kind", ["empty", "no image", "all pages broken", "wrong option"])
def test_a_document_that_cannot_be_analysed_fails_with_one_error(
    client: Client, pipeline: DocumentPipeline, page: bytes, kind: str
) -> None:
    with Image.open(io.BytesIO(page)) as image:
        pages = tiff(image.convert("RGB"), image.convert("RGB"))
    document = {"empty": b"", "no image": b"no image", "all pages broken": break_page(break_page(pages, 0), 1)}
    options: dict[str, Any] = {"max_overlap": 0.95} if kind == "wrong option" else {}
    errors = []
    for analyze in (client.analyze, pipeline):
        with pytest.raises(InvalidInput) as caught:
            analyze(document.get(kind, page), **options)
        errors.append((str(caught.value), caught.value.field))
    assert errors[0] == errors[1]


def test_a_stream_answers_by_id_keeps_to_eight_and_survives_a_bad_document(services: Running, page: bytes) -> None:
    """Twenty documents are offered; no more than eight ever await an answer, whatever gRPC itself has buffered."""
    offered = threading.Semaphore(0)
    answered: dict[str, gateway_pb2.AnalyzeDocumentsResponse] = {}

    def requests() -> Iterator[gateway_pb2.AnalyzeDocumentsRequest]:
        for index in range(20):
            data = b"no image" if index == 7 else page
            document = gateway_pb2.AnalyzeDocumentRequest(document=data, include_vectors=False)
            yield gateway_pb2.AnalyzeDocumentsRequest(id=f"document-{index}", document=document)
            offered.release()

    for answer in services.stub.AnalyzeDocuments(requests(), timeout=TIMEOUT_S):
        answered[answer.id] = answer
    assert sorted(answered) == sorted(f"document-{index}" for index in range(20))
    bad = answered.pop("document-7")
    assert (bad.status.code, bad.status.field) == (3, "document")
    counts = {len(answer.result.pages[0].stamps) for answer in answered.values()}
    assert len(counts) == 1
    assert min(counts) > 0


def test_vectors_and_pictures_compare(client: Client, page: bytes) -> None:
    stamps = client.analyze(page, include_crops=True).pages[0].stamps
    crops = [stamp.crop for stamp in stamps[:2] if stamp.crop is not None]
    embeddings = client.embed(crops)
    masks = client.segment(crops)
    assert [mask.shape for mask in masks if isinstance(mask, np.ndarray)] == [part.shape[:2] for part in crops]
    a, b = embeddings
    assert not isinstance(a, Exception)
    assert not isinstance(b, Exception)
    similarity = client.compare(a, b).similarity
    for one, other in ((crops[0], b), (a, crops[1]), (crops[0], crops[1])):
        assert client.compare(one, other).similarity == pytest.approx(similarity, abs=1e-4)


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        (coloured(ink("ORION 77")), Verdict.SAME),
        (coloured(ink("VESTA 41")), Verdict.DIFFERENT),
        (coloured(ink("ORION 77", mirrored=True)), Verdict.MIRRORED),
        (np.full((80, 90, 3), 255, np.uint8), Verdict.CANNOT_TELL),
    ],
    ids=str,
)
@pytest.mark.parametrize("prior", [None, 0.25])
def test_a_comparison_is_that_of_the_pipelines(
    client: Client, pipeline: DocumentPipeline, other: np.ndarray, verdict: Verdict, prior: float | None
) -> None:
    assert pipeline.verifier is not None
    stamp = coloured(ink("ORION 77"))
    expected = ComparisonPipeline(pipeline.embedder, pipeline.segmenter, pipeline.verifier)(stamp, other, prior=prior)
    assert expected.verdict is verdict
    hold_equal(client.compare(stamp, other, prior=prior), expected)
    by_vectors = client.compare(stamp, other, by_vectors=True, prior=prior)
    assert by_vectors.verdict in (Verdict.SAME_LAYOUT, Verdict.CANNOT_TELL)
    hold_equal(by_vectors, pipeline.embedder.compare(stamp, other, prior=prior))


def test_the_parity_test_compares_every_field_of_a_comparison(client: Client) -> None:
    stamp = coloured(ink("ORION 77"))
    result = client.compare(stamp, stamp)
    assert result.overlay is not None
    for changed in (
        {"prior": 0.25},
        {"probability": None},
        {"verdict": Verdict.MIRRORED},
        {"overlay": None},
        {"overlay": dataclasses.replace(result.overlay, agrees=255 - result.overlay.agrees)},
        {"overlay": dataclasses.replace(result.overlay, mirrored=True)},
    ):
        with pytest.raises(AssertionError):
            hold_equal(result, dataclasses.replace(result, **changed))


def test_single_models_answer_in_pixels_of_the_picture(services: Running, page: bytes) -> None:
    images = [common_pb2.Image(encoded=page), common_pb2.Image(encoded=page[:5000])]
    answer = services.stub.DetectStamps(gateway_pb2.DetectStampsRequest(images=images), timeout=TIMEOUT_S)
    whole = services.stub.AnalyzeDocument(gateway_pb2.AnalyzeDocumentRequest(document=page), timeout=TIMEOUT_S)
    assert [found.box for found in answer.results[0].detections] == [stamp.box for stamp in whole.pages[0].stamps]
    assert (answer.results[1].status.code, answer.results[1].status.field) == (3, "images[1].encoded")


def test_all_models_are_listed(services: Running) -> None:
    answer = services.stub.ListModels(gateway_pb2.ListModelsRequest(), timeout=TIMEOUT_S)
    assert [model.task for model in answer.models] == [1, 1, 6, 2, 3, 4, 5]
    fast, accurate, *both = (list(model.presets) for model in answer.models)
    assert (fast, accurate) == ([common_pb2.PRESET_FAST], [common_pb2.PRESET_ACCURATE])
    assert both == [[common_pb2.PRESET_FAST, common_pb2.PRESET_ACCURATE]] * 5
    images = [common_pb2.Image(raw=common_pb2.RawImage(data=bytes(192), height=8, width=8, channels=3))]
    request = gateway_pb2.DetectStampsRequest(images=images, model=common_pb2.ModelSelector(name="nobody"))
    with pytest.raises(grpc.RpcError) as caught:
        services.stub.DetectStamps(request, timeout=TIMEOUT_S)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert answer.models[0].model.name in str(caught.value.details())
