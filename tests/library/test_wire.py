"""Every value survives the wire: through a message, its bytes and back."""

import dataclasses
from typing import Any, TypeVar

import numpy as np
import pytest
from google.protobuf.message import Message

from stamp2vec.calibration import PairCalibration, RefinementCalibration, Verification
from stamp2vec.client import calls
from stamp2vec.document import EraseOptions, Options
from stamp2vec.errors import (
    InvalidImage,
    InvalidInput,
    ServiceError,
)
from stamp2vec.strips import Ellipse, Line, Place, Reading, Ring, Strip
from stamp2vec.texts import Reading as TextReading
from stamp2vec.texts import Script, StampText, StripReadings, TextArc, TextDate, TextLine, TextNumber
from stamp2vec.v1 import common_pb2, gateway_pb2, segmenter_pb2
from stamp2vec.values import (
    Comparison,
    Detection,
    DocumentResult,
    Embedding,
    ErasedDocument,
    ErasedPage,
    ErasedStamp,
    InkColour,
    ModelInfo,
    Outcome,
    Overlay,
    PageResult,
    Preset,
    Resolution,
    Source,
    Stamp,
    StampPlace,
    StampType,
    Task,
    Timing,
    Verdict,
    Views,
)
from stamp2vec.wire import comparisons, documents, enums, erasing, images, models, png, stamps, texts
from stamp2vec.wire.enums import EnumCodec
from tests.parity import hold_equal

M = TypeVar("M", bound=Message)
RNG = np.random.default_rng(0)
VERIFICATION = Verification(
    curve=((-0.2, 0.01), (0.7, 0.45), (0.9, 0.95)),
    genuine_share=0.7,
    sibling_share=0.2,
    far_thresholds={"0.01": 0.8, "0.001": 0.95},
)
DETECTOR = ModelInfo(
    name="stamp-yolo",
    version="2.2.0",
    task=Task.DETECT,
    presets=tuple(Preset),
    architecture="stamp-yolo",
    input_height=640,
    input_width=480,
    vector_size=0,
    parameters=2**33,
    sha256="ab" * 32,
    threshold=0.7,
    views=Views.WHOLE_AND_TILES,
)
EMBEDDER = dataclasses.replace(
    DETECTOR, name="tvae", task=Task.EMBED, views=Views.WHOLE, vector_size=3, verification=VERIFICATION
)
SEGMENTER = dataclasses.replace(DETECTOR, name="stamp-unet", task=Task.SEGMENT, views=Views.WHOLE, presets=())
VERIFIER = dataclasses.replace(
    SEGMENTER,
    name="stamp-pair",
    task=Task.VERIFY,
    pair_calibration=PairCalibration(
        segmenter="stamp-unet",
        intercept=-1.299953,
        correlation=3.079933,
        correlation_squared=-0.644523,
        worst_letter_squared=1e-9,
        worst_letter_by_correlation=-2.5,
        worst_letter_by_typical=0.0,
        typical_letter=-1e9,
        worst_letter=1 / 3,
        typical_letter_squared=1e300,
        typical_letter_by_correlation=-3.0,
        same_limit=0.25,
        same_limit_by_typical=0.6,
    ),
)

REFINER = dataclasses.replace(
    SEGMENTER,
    name="stamp-refine",
    task=Task.REFINE,
    refinement_calibrations=(
        RefinementCalibration("yolo-stamp@2.1.0", -1 / 3, 0.25, 1e-9, 0.1, 0.605),
        RefinementCalibration("stamp-yolo@2.2.0", 1.0, 0.0, 2.0, 1.0, 0.5),
    ),
)


def sent(message: M) -> M:
    """As the other side gets it."""
    return type(message).FromString(message.SerializeToString())


def stamp(kind: StampType, colour: InkColour | None, **more: Any) -> Stamp:
    values: dict[str, Any] = {"vector": None, "mask": None, "crop": None, "die_group": 0, **more}
    return Stamp(
        box=(1.5, 2.25, 30.0, 41.75),
        score=0.875,
        type=kind,
        angle_degrees=-90.5,
        ink_colour=colour,
        crop_box=(0, 1, 32, 44),
        **values,
    )


def strip(height: int, place: Place) -> Strip:
    return Strip(RNG.integers(0, 256, (height, 40, 3), np.uint8), RNG.integers(0, 256, (height, 40), np.uint8), place)


FULL = stamp(
    StampType.OVAL,
    InkColour.VIOLET,
    vector=np.array([0.6, 0.0, -0.8], np.float32),
    mask=RNG.integers(0, 256, (43, 32), np.uint8),
    crop=RNG.integers(0, 256, (43, 32, 3), np.uint8),
    die_group=2,
    source=Source.SIGNATURE_FIELD,
    box_points=(1.5, 700.25, 30.5, 741.0),
    width_mm=38.5,
    height_mm=40.25,
    text=StampText(
        lines=(
            TextLine(
                "ООО Вектор", Script.CYRILLIC, 0.75, (1.5, 2.5, 30.5, 12.5), TextArc(300, 60, False, 0.75, 1), False
            ),
            TextLine("18.10.2021", None, 0.5, (5, 20, 25, 28), None, True),
            TextLine("", Script.OTHER, 0.0, (5, 30, 25, 38), None, False),
        ),
        dates=(TextDate("2021-10-18", "18.10.2021", 1, 0.5, True),),
        numbers=(TextNumber("7701", "7701", 0, 0.75, False),),
        words=("ооо", "вектор"),
        warnings=("cyrillic text was not read: install it",),
    ),
    unrolled=(
        strip(20, Ring(Ellipse(16.5, 21.25, 15.0, 11.5, -30.5), 0.5, 0.75, 123.5, 360.0, Reading.CLOCKWISE)),
        strip(20, Ring(Ellipse(16.5, 21.25, 15.0, 11.5, -30.5), 0.5, 0.75, 0.5, 60.0, Reading.COUNTERCLOCKWISE)),
        strip(3, Line(16.0, 20.5, 12.25, 5.75, -9.5)),
    ),
    transparent=RNG.integers(0, 256, (43, 32, 4), np.uint8),
    ink=RNG.integers(0, 256, (43, 32, 3), np.uint8),
)
RESULT = DocumentResult(
    pages=(
        PageResult(
            0,
            100,
            200,
            (FULL, stamp(StampType.WORD, None, vector=np.array([1, 0, 0], np.float32))),
            None,
            Resolution(204, 98),
            "iv",
            ("rows from 80 on are damaged: scan the page again",),
            np.full((100, 200, 3), 240, np.uint8),
        ),
        PageResult(1, 0, 0, (), InvalidImage("cut short: send the whole file", "document")),
        PageResult(2, 10, 20, (), None),
    ),
    similarity=np.array([[1, 0.6], [0.6, 1]], np.float32),
    probability=np.array([[1, 0.25], [0.25, 1]], np.float32),
    prior=0.3,
    models=(DETECTOR, EMBEDDER, SEGMENTER, VERIFIER),
    timing=Timing(1.5, 2.5, 3.5, 4.5, 5.5, 12.0, 2.25, 6.5),
    request_id="abc",
)


@pytest.mark.parametrize(
    "codec",
    [
        enums.TASKS,
        enums.PRESETS,
        enums.VIEWS,
        enums.STAMP_TYPES,
        enums.INK_COLOURS,
        enums.VERDICTS,
        enums.SCRIPTS,
        enums.OUTCOMES,
    ],
    ids=["task", "preset", "views", "type", "ink", "verdict", "script", "outcome"],
)
def test_enums(codec: EnumCodec[Any, int], request: pytest.FixtureRequest) -> None:
    values = {
        "task": Task,
        "preset": Preset,
        "views": Views,
        "type": StampType,
        "ink": InkColour,
        "verdict": Verdict,
        "script": Script,
        "outcome": Outcome,
    }
    for value in values[request.node.callspec.id]:
        assert codec.from_number(codec.to_number(value)) is value
    assert codec.from_number(0) is codec.from_number(99) is None


def test_an_enum_that_the_contract_does_not_know_is_an_error() -> None:
    with pytest.raises(ValueError, match="PRICE_ROUND"):
        EnumCodec(StampType, "PRICE", common_pb2.StampType.Value)


@pytest.mark.parametrize("shape", [(9, 12, 3), (9, 12)])
def test_pictures_as_pixels(shape: tuple[int, ...]) -> None:
    pixels = RNG.integers(0, 256, shape, np.uint8)
    found = images.page_from_image(sent(images.image_to_message(pixels)), "images[0]").image
    np.testing.assert_array_equal(found, pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2))


def test_pictures_as_files() -> None:
    pixels = RNG.integers(0, 256, (9, 12, 3), np.uint8)
    message = sent(images.image_to_message(png.encode_png(pixels)))
    np.testing.assert_array_equal(images.page_from_image(message, "images[0]").image, pixels)


def test_pictures_that_are_none() -> None:
    with pytest.raises(InvalidImage, match="float64"):
        images.image_to_message(np.zeros((9, 9)))
    with pytest.raises(InvalidInput, match="set encoded or raw") as caught:
        images.page_from_image(common_pb2.Image(), "images[3]")
    assert caught.value.field == "images[3]"


def test_masks_and_boxes() -> None:
    mask = RNG.integers(0, 256, (5, 7), np.uint8)
    np.testing.assert_array_equal(images.mask_from_message(sent(images.mask_to_message(mask))), mask)
    assert images.box_from_message(sent(images.box_to_message((1.5, 2.0, 3.25, 4.0)))) == (1.5, 2.0, 3.25, 4.0)


@pytest.mark.parametrize("info", [DETECTOR, EMBEDDER, SEGMENTER, VERIFIER, REFINER], ids=lambda info: info.name)
def test_models(info: ModelInfo) -> None:
    assert models.info_from_message(sent(models.info_to_message(info))) == info


def test_a_model_of_a_newer_service() -> None:
    message = models.info_to_message(DETECTOR)
    message.task, message.views = 77, 77  # type: ignore[assignment]
    message.presets.append(77)  # type: ignore[arg-type]
    info = models.info_from_message(sent(message))
    assert (info.task, info.views, info.presets) == (None, Views.WHOLE, tuple(Preset))


@pytest.mark.parametrize(
    "wrong",
    [
        {"genuine_share": 1.5},
        {"curve": [common_pb2.CalibrationPoint(similarity=0.5, probability=y) for y in (0.1, 0.9)]},
    ],
    ids=["share", "curve"],
)
def test_a_verification_that_makes_no_sense_is_taken_for_none(wrong: dict[str, Any]) -> None:
    message = models.info_to_message(EMBEDDER)
    for name in wrong:
        message.verification.ClearField(name)  # type: ignore[arg-type]
    message.verification.MergeFrom(common_pb2.Verification(**wrong))
    assert models.info_from_message(sent(message)) == dataclasses.replace(EMBEDDER, verification=None)


def test_what_an_older_service_says_of_ink_is_not_read() -> None:
    message = models.info_to_message(EMBEDDER)
    message.verification.second_look.segmenter = "/no/name"
    assert models.info_from_message(sent(message)) == EMBEDDER
    assert not models.info_to_message(EMBEDDER).verification.HasField("second_look")


@pytest.mark.parametrize(
    "wrong",
    [{"segmenter": ""}, {"segmenter": "/no/name"}, {"intercept": float("nan")}, {"typical_letter": float("inf")}],
)
def test_a_pair_calibration_that_makes_no_sense_is_taken_for_none(wrong: dict[str, Any]) -> None:
    message = models.info_to_message(VERIFIER)
    for name, value in wrong.items():
        setattr(message.pair_calibration, name, value)
    assert models.info_from_message(sent(message)) == dataclasses.replace(VERIFIER, pair_calibration=None)


@pytest.mark.parametrize("wrong", [{"detector": "yolo-stamp"}, {"by_refiner": -1.0}, {"intercept": float("nan")}])
def test_a_refinement_calibration_that_makes_no_sense_is_taken_for_none(wrong: dict[str, Any]) -> None:
    message = models.info_to_message(REFINER)
    for name, value in wrong.items():
        setattr(message.refinement_calibrations[0], name, value)
    kept = REFINER.refinement_calibrations[1:]
    assert models.info_from_message(sent(message)) == dataclasses.replace(REFINER, refinement_calibrations=kept)


def test_what_a_refiner_says() -> None:
    answer = np.array([-3.5, 0.25, 130.0, 64.0, -2.75, 180.0, 0.5, list(StampType).index(StampType.WORD)], np.float32)
    np.testing.assert_array_equal(stamps.refinement_from_message(sent(stamps.refinement_to_message(answer))), answer)


@pytest.mark.parametrize("model", [Preset.ACCURATE, "tvae", "tvae@1.0.0"])
def test_selectors(model: Preset | str) -> None:
    assert models.selector_from_message(sent(models.selector_to_message(model))) == model


def test_a_selector_that_is_none() -> None:
    assert models.selector_from_message(common_pb2.ModelSelector()) is Preset.FAST
    with pytest.raises(InvalidInput, match="no preset 9: send one of PRESET_FAST, PRESET_ACCURATE") as caught:
        models.selector_from_message(common_pb2.ModelSelector(preset=9))  # type: ignore[arg-type]
    assert caught.value.field == "model.preset"


@pytest.mark.parametrize("colour", [*InkColour, None])
def test_detections(colour: InkColour | None) -> None:
    detection = Detection((1.5, 2.0, 3.25, 4.0), 0.5, StampType.TRIANGLE, 179.5, colour)
    assert stamps.detection_from_message(sent(stamps.detection_to_message(detection))) == detection


def test_embeddings() -> None:
    embedding = Embedding(np.array([0.6, -0.8], np.float32), "tvae", "1.5.0")
    found = stamps.embedding_from_message(sent(stamps.embedding_to_message(embedding)))
    np.testing.assert_array_equal(found.vector, embedding.vector)
    assert (found.model, found.version) == ("tvae", "1.5.0")


@pytest.mark.parametrize("value", [FULL, stamp(StampType.OTHER, None)], ids=["all", "little"])
def test_stamps(value: Stamp) -> None:
    message = sent(stamps.stamp_to_message(value, models.version_to_message("tvae", "1.5.0")))
    hold_equal(stamps.stamp_from_message(message), value)


def test_pictures_that_were_encoded_before_are_taken_as_they_are() -> None:
    without = dataclasses.replace(FULL, crop=None, unrolled=(), transparent=None, ink=None)
    embedder = models.version_to_message("tvae", "1.5.0")
    message = sent(stamps.stamp_to_message(without, embedder, stamps.stamp_pngs(FULL)))
    hold_equal(stamps.stamp_from_message(message), FULL)


def test_pictures_can_be_passed_on_without_decoding_them() -> None:
    message = sent(stamps.stamp_to_message(FULL, models.version_to_message("tvae", "1.5.0")))
    pngs, expected = stamps.pngs_from_message(message), stamps.stamp_pngs(FULL)
    assert (pngs.crop, pngs.transparent, pngs.ink) == (expected.crop, expected.transparent, expected.ink)
    assert [strip.place for strip in pngs.unrolled] == [strip.place for strip in FULL.unrolled]
    assert pngs.size == expected.size
    left = stamps.stamp_from_message(message)
    hold_equal(left, dataclasses.replace(FULL, crop=None, unrolled=(), transparent=None, ink=None))


@pytest.mark.parametrize("data", [b"", b"GIF89a", png.encode_png(np.zeros((9, 9), np.uint8))[:40]])
def test_an_answer_with_a_broken_picture_is_an_error_of_the_library(data: bytes) -> None:
    message = stamps.stamp_to_message(FULL, None)
    message.unrolled[0].pixels_png = data
    with pytest.raises(InvalidImage, match="ask the gateway again"):
        stamps.stamp_from_message(message)


OVERLAY = Overlay(
    a_ink=RNG.integers(0, 256, (8, 8), np.uint8),
    b_ink=RNG.integers(0, 256, (8, 8), np.uint8),
    agrees=RNG.integers(0, 256, (2, 2), np.uint8),
    contradicts=RNG.integers(0, 256, (2, 2), np.uint8),
    correlation=-0.5,
    missing_ink=0.25,
    added_ink=0.125,
    mirrored=True,
)


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("overlay", [OVERLAY, dataclasses.replace(OVERLAY, mirrored=False), None])
@pytest.mark.parametrize("probability", [0.75, 0.0, None])
def test_comparisons(verdict: Verdict, overlay: Overlay | None, probability: float | None) -> None:
    comparison = Comparison(0.75, "tvae", "1.5.0", 0.1, probability, verdict, "too little ink", overlay)
    hold_equal(comparisons.comparison_from_message(sent(comparisons.comparison_to_message(comparison))), comparison)


@pytest.mark.parametrize("number", [99, gateway_pb2.VERDICT_UNSPECIFIED])
def test_a_verdict_of_a_newer_service_becomes_cannot_tell(number: int) -> None:
    message = gateway_pb2.CompareStampsResponse(verdict=number)  # type: ignore[arg-type]
    found = comparisons.comparison_from_message(sent(message))
    assert (found.verdict, found.probability) == (Verdict.CANNOT_TELL, None)


@pytest.mark.parametrize("prior", [0.5, 0.1, 0.7, 1e-7, 0.999999, 1 / 3])
def test_a_prior_comes_back_as_it_was_written(prior: float) -> None:
    comparison = Comparison(0.75, "tvae", "1.5.0", prior, 0.5, Verdict.SAME_LAYOUT, "")
    message = sent(comparisons.comparison_to_message(comparison))
    assert comparisons.comparison_from_message(message).prior == pytest.approx(prior, rel=1e-6)
    asked = sent(documents.request_to_message(b"", Preset.FAST, Options(prior=prior), bulk=False))
    # The gateway calculates with the float32 that it got, and its answer has it.
    result = dataclasses.replace(RESULT, prior=documents.options_from_message(asked).known_prior)
    found = documents.result_from_message(sent(documents.result_to_message(result))).prior
    assert found == (prior if prior != 1 / 3 else pytest.approx(prior, rel=1e-6))


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(min_score=0.0, max_overlap=0.0, include_vectors=False),
        Options(min_score=0.5, max_overlap=0.75, include_masks=True, include_crops=True, prior=0.25),
        Options(include_unrolled=True),
        Options(include_clean_stamps=True),
        Options(min_score=0.5, max_overlap=0.75, include_masks=True, include_crops=True, include_text=True, prior=0.25),
        Options(include_erased_page=True, pages="2-", password="secret"),
    ],
)
def test_options(options: Options) -> None:
    message = sent(documents.request_to_message(b"bytes", Preset.ACCURATE, options, bulk=True))
    assert documents.options_from_message(message) == options
    assert (message.document, message.preset) == (b"bytes", common_pb2.PRESET_ACCURATE)
    assert message.priority == common_pb2.PRIORITY_BULK


def test_a_caller_that_knows_no_include_vectors_gets_them() -> None:
    assert documents.options_from_message(gateway_pb2.AnalyzeDocumentRequest()).include_vectors


@pytest.mark.parametrize(
    "result",
    [
        RESULT,
        dataclasses.replace(RESULT, probability=None, prior=None),
        dataclasses.replace(
            RESULT,
            pages=(RESULT.pages[2],),
            similarity=np.zeros((0, 0), np.float32),
            probability=None,
            prior=None,
            models=(DETECTOR,),
        ),
    ],
    ids=["all", "no verification", "no vectors"],
)
def test_documents(result: DocumentResult) -> None:
    found = documents.result_from_message(sent(documents.result_to_message(result)))
    hold_equal(found, result)
    assert (found.timing, found.request_id) == (result.timing, result.request_id)


@pytest.mark.parametrize(
    "options",
    [
        EraseOptions(),
        EraseOptions(
            types=(StampType.ROUND, StampType.WORD),
            inks=(InkColour.RED,),
            dies=(3, 1),
            keep=(StampPlace(3, 2), StampPlace(1, 1)),
            min_score=0.0,
            max_overlap=0.75,
            pages="1-3",
            password="secret",
        ),
    ],
)
def test_which_stamps_to_erase(options: EraseOptions) -> None:
    message = sent(erasing.erase_request_to_message(b"bytes", Preset.ACCURATE, options, bulk=False))
    assert erasing.erase_options_from_message(message) == options
    assert (message.document, message.preset) == (b"bytes", common_pb2.PRESET_ACCURATE)
    assert message.priority == common_pb2.PRIORITY_INTERACTIVE


def test_documents_without_stamps() -> None:
    box = (1.0, 2.0, 30.0, 40.0)
    stamps = [
        ErasedStamp(box, 0.75, StampType.ROUND, ink, Source.PAGE, 2, outcome, left, reason)
        for ink, outcome, left, reason in [
            (InkColour.BLUE, Outcome.ERASED, 0.0, ""),
            (None, Outcome.PARTLY, 0.25, "print was kept"),
            (InkColour.BLACK, Outcome.KEPT, 1.0, "it is drawn: print the page"),
            (InkColour.GREEN, Outcome.NOT_SELECTED, 1.0, ""),
        ]
    ]
    erased = ErasedDocument(
        b"bytes",
        "application/pdf",
        (
            ErasedPage(0, 100, 200, tuple(stamps), None, "iv", ("rows from 80 on are damaged: scan it again",)),
            ErasedPage(1, 0, 0, (), InvalidImage("cut short: send the whole file", "document")),
        ),
        (DETECTOR, SEGMENTER),
        RESULT.timing,
        "abc",
        ("the PDF was signed",),
        7,
    )
    found = erasing.erased_from_message(sent(erasing.erased_to_message(erased)))
    hold_equal(found, erased)
    assert (found.data, found.request_id, found.timing) == (b"bytes", "abc", RESULT.timing)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_response_without_a_result_for_each_image_is_an_error(count: int) -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    call = calls.segment([picture, picture], Preset.FAST, bulk=False)
    response = gateway_pb2.SegmentStampsResponse(results=[segmenter_pb2.SegmentResult()] * count)
    with pytest.raises(ServiceError, match=f"2 images were sent and {count} results"):
        call.read(response)


def test_readings() -> None:
    read = (
        TextReading((1, 2, 30, 40), "Ж 12", Script.CYRILLIC, 0.5, 0.75, True, "tesseract-rus"),
        TextReading((40, 2, 60, 40), "", Script.OTHER, 0.0, 0.0, False, ""),
        TextReading((70, 2, 90, 40), "7701", None, 1.0, 1.0, False, "pp-ocrv6"),
    )
    for strip in (StripReadings(()), StripReadings(read, ("arabic text was not read: install it",))):
        assert texts.readings_from_message(sent(texts.readings_to_message(strip))) == strip


def test_a_script_of_a_newer_service_is_one_that_is_not_known() -> None:
    assert texts.script_from_number(99) is Script.OTHER
