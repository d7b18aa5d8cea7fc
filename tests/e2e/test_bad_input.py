"""Bad input: its code, the field at fault, a sentence that says what to do; and all else goes on."""

import io
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from PIL import Image

from stamp2vec.limits import MAX_MESSAGE_BYTES
from stamp2vec.v1 import common_pb2, gateway_pb2
from tests.e2e.live import ROOT, TIMEOUT_S, Running

Code = grpc.StatusCode


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def bomb() -> bytes:
    """A PNG of a few bytes that claims 20,000 x 20,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def refusal(call: Callable[..., Any], request: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=TIMEOUT_S)
    return caught.value


def fields(error: Any) -> list[str]:
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            for packed in status_pb2.Status.FromString(value).details:
                detail = error_details_pb2.BadRequest()
                if packed.Unpack(detail):
                    return [violation.field for violation in detail.field_violations]
    return []


BAD = {
    "empty": (b"", "send a PDF"),
    "not an image": (b"no image", "send a PDF"),
    "no whole PDF": (b"%PDF-1.7 and so on", "send the whole file"),
    "one pixel": (saved(Image.new("RGB", (1, 1)), "PNG"), "at least 8 pixels"),
    "bomb": (bomb(), "scale it"),
    "larger than 32 MiB": (b"\xff\xd8" + bytes(33 * 2**20), "split it"),
}


@pytest.mark.parametrize("kind", [*BAD, "truncated"])
def test_the_error_of_a_bad_document_names_its_field_and_the_remedy(services: Running, page: bytes, kind: str) -> None:
    document, advice = BAD.get(kind, (page[: len(page) // 2], "send the whole file"))
    error = refusal(services.stub.AnalyzeDocument, gateway_pb2.AnalyzeDocumentRequest(document=document))
    assert error.code() is Code.INVALID_ARGUMENT
    assert fields(error) == ["document"]
    assert advice in str(error.details())


@pytest.mark.parametrize(
    ("changes", "at_fault"),
    [({"preset": 9}, "preset"), ({"min_score": 1.5}, "min_score"), ({"min_score": float("nan")}, "min_score")],
)
def test_a_bad_option_is_named(services: Running, page: bytes, changes: dict[str, Any], at_fault: str) -> None:
    request = gateway_pb2.AnalyzeDocumentRequest(**{"document": page, **changes})
    error = refusal(services.stub.AnalyzeDocument, request)
    assert error.code() is Code.INVALID_ARGUMENT
    assert fields(error) == [at_fault]


def test_a_message_over_the_limit_is_refused(services: Running) -> None:
    request = gateway_pb2.AnalyzeDocumentRequest(document=bytes(MAX_MESSAGE_BYTES))
    assert refusal(services.stub.AnalyzeDocument, request).code() is Code.RESOURCE_EXHAUSTED


def test_bad_items_harm_no_other_item_of_their_call(services: Running, page: bytes) -> None:
    raw = common_pb2.RawImage(data=b"\0" * 100, height=20, width=20, channels=3)
    images = [
        common_pb2.Image(encoded=page),
        common_pb2.Image(raw=raw),
        common_pb2.Image(encoded=bomb()),
        common_pb2.Image(),
        common_pb2.Image(encoded=page),
    ]
    answer = services.stub.DetectStamps(gateway_pb2.DetectStampsRequest(images=images), timeout=TIMEOUT_S)
    assert [result.status.field for result in answer.results] == [
        "",
        "images[1].raw",
        "images[2].encoded",
        "images[3]",
        "",
    ]
    assert [result.status.code for result in answer.results] == [0, 3, 3, 3, 0]
    assert all(result.status.message for result in answer.results[1:4])
    assert list(answer.results[0].detections) == list(answer.results[4].detections)
    assert answer.results[0].detections


def test_no_error_and_no_log_names_a_path_of_the_server(
    services: Running, page: bytes, folders: dict[str, Path]
) -> None:
    """Neither of its code, nor of its models, nor of files that it makes for a while."""
    analyze = services.stub.AnalyzeDocument
    files = [*(document for document, _ in BAD.values()), page[: len(page) // 2]]
    requests = [gateway_pb2.AnalyzeDocumentRequest(document=file) for file in files]
    errors = [refusal(analyze, each) for each in requests]
    errors.append(refusal(analyze, gateway_pb2.AnalyzeDocumentRequest(document=page, preset=9)))  # type: ignore[arg-type]
    picture = common_pb2.Image(encoded=page)
    for name in ("none@1.0.0", "yolo-stamp@9.9.9", "yolo-stamp"):
        selector = common_pb2.ModelSelector(name=name)
        request = gateway_pb2.SegmentStampsRequest(images=[picture], model=selector)
        errors.append(refusal(services.stub.SegmentStamps, request))
    told = [str(error) for error in errors]
    analyze(gateway_pb2.AnalyzeDocumentRequest(document=page, include_masks=True), timeout=TIMEOUT_S)
    logged = [path.read_text() for path in services.logs.glob("*.log")]
    assert all(logged)
    paths = (str(ROOT), sys.prefix, sys.base_prefix, str(folders["yolo-stamp"].parent), "/proc/", "/memfd", "/dev/shm")
    named = {path for text in (*told, *logged) for path in paths if path in text}
    assert named == set()


def odd(page: bytes, kind: str) -> bytes:
    """The same page as files seldom come."""
    with Image.open(io.BytesIO(page)) as file:
        image = file.convert("RGB")
    match kind:
        case "CMYK":
            return saved(image.convert("CMYK"), "JPEG", quality=95)
        case "16 bits":
            return saved(Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257), "PNG")
        case "palette with alpha":
            return saved(image.quantize(255), "PNG", transparency=0)
        case "animated":
            return saved(image, "WEBP", save_all=True, append_images=[Image.new("RGB", image.size)], quality=90)
        case "EXIF-rotated":
            exif = Image.Exif()
            exif[0x0112] = 6
            return saved(image.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=exif)
    raise ValueError(kind)


@pytest.mark.parametrize("kind", ["CMYK", "16 bits", "palette with alpha", "animated", "EXIF-rotated"])
def test_an_odd_file_is_seen_as_a_person_sees_it(services: Running, page: bytes, kind: str) -> None:
    whole = services.stub.AnalyzeDocument(gateway_pb2.AnalyzeDocumentRequest(document=page), timeout=TIMEOUT_S)
    # Random weights may believe in little on a grey page.
    request = gateway_pb2.AnalyzeDocumentRequest(document=odd(page, kind), min_score=0.3)
    answer = services.stub.AnalyzeDocument(request, timeout=TIMEOUT_S)
    (found,) = answer.pages
    assert (found.height, found.width) == (whole.pages[0].height, whole.pages[0].width)
    assert found.stamps
