"""Documents: what is asked of one, and what is on it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace

import numpy as np

from stamp2vec.document.options import Options
from stamp2vec.document.stamps import StampPngs
from stamp2vec.imaging import decode_image
from stamp2vec.v1 import common_pb2, gateway_pb2
from stamp2vec.values import DocumentResult, PageResult, Preset, Resolution, Task, Timing
from stamp2vec.wire.enums import PRESETS
from stamp2vec.wire.errors import status_from_message, status_to_message, warnings_to_message
from stamp2vec.wire.models import decimal, info_from_message, info_to_message, version_to_message
from stamp2vec.wire.png import encode_png
from stamp2vec.wire.stamps import stamp_from_message, stamp_to_message

Pngs = Mapping[int, Sequence[StampPngs | None]]
"""By a page's index, the pictures of each of its stamps as PNG files."""


def request_to_message(
    document: bytes, preset: Preset, options: Options, *, bulk: bool
) -> gateway_pb2.AnalyzeDocumentRequest:
    """A document and what is asked of it."""
    return gateway_pb2.AnalyzeDocumentRequest(
        document=document,
        preset=PRESETS.to_number(preset),
        min_score=options.min_score,
        max_overlap=options.max_overlap,
        include_vectors=options.include_vectors,
        include_masks=options.include_masks,
        include_crops=options.include_crops,
        include_text=options.include_text,
        include_unrolled=options.include_unrolled,
        include_clean_stamps=options.include_clean_stamps,
        include_erased_page=options.include_erased_page,
        priority=priority_to_message(bulk),
        prior=options.prior,
        pages=options.pages,
        password=options.password or "",
    )


def options_from_message(message: gateway_pb2.AnalyzeDocumentRequest) -> Options:
    """What is asked of a document."""
    return Options(
        min_score=message.min_score if message.HasField("min_score") else None,
        max_overlap=message.max_overlap if message.HasField("max_overlap") else None,
        include_vectors=message.include_vectors or not message.HasField("include_vectors"),
        include_masks=message.include_masks,
        include_crops=message.include_crops,
        include_text=message.include_text,
        include_unrolled=message.include_unrolled,
        include_clean_stamps=message.include_clean_stamps,
        include_erased_page=message.include_erased_page,
        prior=message.prior if message.HasField("prior") else None,
        pages=message.pages,
        password=message.password or None,
    )


def priority_to_message(bulk: bool) -> "common_pb2.Priority.ValueType":
    """Whether somebody is waiting for the answer."""
    return common_pb2.PRIORITY_BULK if bulk else common_pb2.PRIORITY_INTERACTIVE


def result_to_message(
    result: DocumentResult, pngs: Pngs | None = None, erased_pngs: Mapping[int, bytes | None] | None = None
) -> gateway_pb2.AnalyzeDocumentResponse:
    """What is on a document; `pngs` are its pictures, and `erased_pngs` by a page's index the pages without stamps,
    where they have been encoded before to spare memory.
    """
    embedders = [model for model in result.models if model.task is Task.EMBED]
    embedder = version_to_message(embedders[0].name, embedders[0].version) if embedders else None
    pngs, erased = pngs or {}, erased_pngs or {}
    probability = result.probability
    return gateway_pb2.AnalyzeDocumentResponse(
        pages=[
            page_to_message(page, embedder, pngs.get(page.index, ()), erased.get(page.index)) for page in result.pages
        ],
        similarity=gateway_pb2.SimilarityMatrix(size=len(result.similarity), values=_values(result.similarity)),
        probability=None
        if probability is None
        else gateway_pb2.ProbabilityMatrix(
            size=len(probability), values=_values(probability), prior=result.prior or 0.0
        ),
        models=map(info_to_message, result.models),
        timing=timing_to_message(result.timing),
        request_id=result.request_id,
        warnings=result.warnings,
        page_count=result.page_count,
    )


def result_from_message(message: gateway_pb2.AnalyzeDocumentResponse) -> DocumentResult:
    """What is on a document."""
    return DocumentResult(
        pages=tuple(map(page_from_message, message.pages)),
        similarity=_matrix(message.similarity),
        probability=_matrix(message.probability) if message.HasField("probability") else None,
        prior=decimal(message.probability.prior) or None,
        models=tuple(map(info_from_message, message.models)),
        timing=timing_from_message(message.timing),
        request_id=message.request_id,
        warnings=tuple(message.warnings),
        page_count=message.page_count,
    )


def timing_to_message(timing: Timing) -> gateway_pb2.StageTiming:
    """Where the time went."""
    return gateway_pb2.StageTiming(**asdict(timing))


def timing_from_message(message: gateway_pb2.StageTiming) -> Timing:
    """Where the time went."""
    return Timing(**{field.name: getattr(message, field.name) for field in fields(Timing)})


def document_from_pages(pages: Sequence[PageResult], message: gateway_pb2.AnalyzeDocumentResponse) -> DocumentResult:
    """What is on a document whose pages came one by one, and then the rest."""
    result = result_from_message(message)
    if not pages:
        return result
    groups = iter(message.die_groups)
    numbered = (
        replace(page, stamps=tuple(replace(stamp, die_group=next(groups, 0)) for stamp in page.stamps))
        for page in pages
    )
    return replace(result, pages=tuple(numbered))


def page_to_message(
    page: PageResult,
    embedder: common_pb2.ModelVersion | None,
    pngs: Sequence[StampPngs | None] = (),
    erased_png: bytes | None = None,
) -> gateway_pb2.Page:
    """A page of a document, `embedder` being the model of its vectors; the PNG files as for `result_to_message`."""
    if erased_png is None and page.erased is not None:
        erased_png = encode_png(page.erased)
    encoded = pngs or [None] * len(page.stamps)
    return gateway_pb2.Page(
        status=warnings_to_message(page.warnings) if page.error is None else status_to_message(page.error, "document"),
        index=page.index,
        height=page.height,
        width=page.width,
        stamps=[stamp_to_message(stamp, embedder, each) for stamp, each in zip(page.stamps, encoded, strict=True)],
        resolution=None
        if page.resolution is None
        else common_pb2.Resolution(x_dpi=page.resolution.x, y_dpi=page.resolution.y),
        label=page.label,
        erased_png=erased_png or b"",
    )


def page_from_message(message: gateway_pb2.Page) -> PageResult:
    """A page of a document."""
    resolution = message.resolution
    return PageResult(
        message.index,
        message.height,
        message.width,
        tuple(map(stamp_from_message, message.stamps)),
        status_from_message(message.status),
        Resolution(decimal(resolution.x_dpi), decimal(resolution.y_dpi)) if message.HasField("resolution") else None,
        message.label,
        tuple(message.status.warnings),
        decode_image(message.erased_png) if message.erased_png else None,
    )


def _values(matrix: np.ndarray) -> list[float]:
    values: list[float] = matrix.ravel().tolist()
    return values


def _matrix(message: gateway_pb2.SimilarityMatrix | gateway_pb2.ProbabilityMatrix) -> np.ndarray:
    return np.array(message.values, np.float32).reshape(message.size, message.size)
