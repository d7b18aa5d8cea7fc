"""The checks of a request before any work is done on it: every field at fault, all at once."""

from collections.abc import Iterable

from stamp2vec.comparison import prior_fault
from stamp2vec.detection.options import faults
from stamp2vec.errors import InvalidCall, InvalidImage, InvalidInput
from stamp2vec.imaging import READABLE, Limits
from stamp2vec.limits import MAX_DOCUMENT_BYTES, MAX_FILE_BYTES, MAX_ID_CHARS, MAX_IMAGES, MAX_STREAMED_PAGES
from stamp2vec.v1 import common_pb2, gateway_pb2
from stamp2vec.wire.documents import options_from_message
from stamp2vec.wire.erasing import erase_options_from_message

DOCUMENT_LIMITS = Limits(max_bytes=MAX_DOCUMENT_BYTES)
STREAMED_LIMITS = Limits(max_bytes=MAX_FILE_BYTES)
PAGED_LIMITS = Limits(max_bytes=MAX_FILE_BYTES, max_pages=MAX_STREAMED_PAGES)


def check_document(request: gateway_pb2.AnalyzeDocumentRequest, size: int, limits: Limits) -> None:
    """InvalidCall with what is wrong with a document of so many bytes, and with its options.

    A number that is unset is 0, and as good.
    """
    _raise([*_known_choices(request), *options_from_message(request).faults(), _size(size, limits)])


def check_erasing(request: gateway_pb2.EraseStampsRequest) -> None:
    """InvalidCall with what is wrong with a document whose stamps are to be erased, and with its options."""
    errors = [*_known_choices(request), _size(len(request.document), DOCUMENT_LIMITS)]
    try:
        errors += erase_options_from_message(request).faults()
    except InvalidInput as error:
        errors.append(error)
    _raise(errors)


def check_pages(request: gateway_pb2.DetectStampsRequest) -> None:
    """InvalidCall with what is wrong with the options of DetectStamps."""
    most = request.max_detections if request.HasField("max_detections") else None
    _raise([*_images(request), *faults(request.min_score, request.max_overlap, most)])


def check_crops(request: gateway_pb2.SegmentStampsRequest | gateway_pb2.EmbedStampsRequest) -> None:
    """InvalidCall with what is wrong with the options of SegmentStamps or EmbedStamps."""
    _raise(_images(request))


def check_comparands(request: gateway_pb2.CompareStampsRequest) -> None:
    """InvalidCall when a side is missing, or is a vector where ink is to be compared."""
    thorough = request.mode == gateway_pb2.COMPARE_MODE_THOROUGH
    errors = [_known("mode", gateway_pb2.CompareMode.values(), request.mode)]
    errors.append(prior_fault(request.prior if request.HasField("prior") else None))
    for side, comparand in (("a", request.a), ("b", request.b)):
        stamp = comparand.WhichOneof("stamp")
        if stamp is None:
            errors.append(InvalidInput(f"there is no stamp {side}: set its image or its vector", side))
        elif stamp == "vector" and thorough:
            message = f"a vector has no ink to compare: send the image of stamp {side}, or compare fast"
            errors.append(InvalidInput(message, f"{side}.vector"))
    _raise(errors)


def check_id(name: str, in_work: Iterable[str]) -> None:
    """InvalidInput when a document of a stream cannot be distinguished from others by its id."""
    if not 1 <= len(name) <= MAX_ID_CHARS:
        raise InvalidInput(f"the id has {len(name)} characters: give each document one of 1 to {MAX_ID_CHARS}", "id")
    if name in in_work:
        raise InvalidInput(f"a document with the id {name!r} is in work: wait for its answer, or send another id", "id")


def _images(
    request: gateway_pb2.DetectStampsRequest | gateway_pb2.SegmentStampsRequest | gateway_pb2.EmbedStampsRequest,
) -> list[InvalidInput | None]:
    count = len(request.images)
    errors = [_known("priority", common_pb2.Priority.values(), request.priority)]
    if not 1 <= count <= MAX_IMAGES:
        errors.append(InvalidInput(f"the call has {count} images: send 1 to {MAX_IMAGES}", "images"))
    return errors


def _known_choices(
    request: gateway_pb2.AnalyzeDocumentRequest | gateway_pb2.EraseStampsRequest,
) -> list[InvalidInput | None]:
    return [
        _known("preset", common_pb2.Preset.values(), request.preset),
        _known("priority", common_pb2.Priority.values(), request.priority),
    ]


def _size(size: int, limits: Limits) -> InvalidInput | None:
    if not size:
        return InvalidImage(f"the file is empty: {READABLE}", "document")
    if size > limits.max_bytes:
        message = f"the document has {size:,} bytes, {limits.max_bytes:,} is the most: compress it, or split it"
        return InvalidImage(message, "document")
    return None


def _known(field: str, known: Iterable[int], value: int) -> InvalidInput | None:
    if value in known:
        return None
    return InvalidInput(f"there is no {field} {value}: send one of {', '.join(map(str, known))}", field)


def _raise(errors: Iterable[InvalidInput | None]) -> None:
    if found := [error for error in errors if error]:
        raise InvalidCall(found)
