"""Documents without their stamps."""

from collections.abc import Sequence
from typing import Any, TypeVar

from stamp2vec.document import EraseOptions
from stamp2vec.errors import InvalidInput
from stamp2vec.v1 import gateway_pb2
from stamp2vec.values import (
    ErasedDocument,
    ErasedPage,
    ErasedStamp,
    InkColour,
    Outcome,
    Preset,
    Source,
    StampPlace,
    StampType,
)
from stamp2vec.wire.documents import priority_to_message, timing_from_message, timing_to_message
from stamp2vec.wire.enums import INK_COLOURS, OUTCOMES, PRESETS, SOURCES, STAMP_TYPES, EnumCodec
from stamp2vec.wire.errors import status_from_message, status_to_message, warnings_to_message
from stamp2vec.wire.images import box_from_message, box_to_message
from stamp2vec.wire.models import decimal, info_from_message, info_to_message
from stamp2vec.wire.stamps import ink_to_number

Value = TypeVar("Value", StampType, InkColour)


def erase_request_to_message(
    document: bytes, preset: Preset, options: EraseOptions, *, bulk: bool
) -> gateway_pb2.EraseStampsRequest:
    """A document and which of its stamps to erase."""
    return gateway_pb2.EraseStampsRequest(
        document=document,
        preset=PRESETS.to_number(preset),
        min_score=options.min_score,
        max_overlap=options.max_overlap,
        priority=priority_to_message(bulk),
        pages=options.pages,
        password=options.password or "",
        only=gateway_pb2.StampFilter(
            types=map(STAMP_TYPES.to_number, options.types),
            ink_colours=map(INK_COLOURS.to_number, options.inks),
            die_groups=options.dies,
        ),
        keep=[gateway_pb2.StampPlace(page=place.page, stamp=place.stamp) for place in options.keep],
    )


def erase_options_from_message(message: gateway_pb2.EraseStampsRequest) -> EraseOptions:
    """Which stamps to erase. InvalidInput for a type or an ink that is not known."""
    return EraseOptions(
        types=_known(STAMP_TYPES, message.only.types, "only.types"),
        inks=_known(INK_COLOURS, message.only.ink_colours, "only.ink_colours"),
        dies=tuple(message.only.die_groups),
        keep=tuple(StampPlace(place.page, place.stamp) for place in message.keep),
        min_score=message.min_score if message.HasField("min_score") else None,
        max_overlap=message.max_overlap if message.HasField("max_overlap") else None,
        pages=message.pages,
        password=message.password or None,
    )


def _known(codec: EnumCodec[Value, Any], numbers: Sequence[int], field: str) -> tuple[Value, ...]:
    values = []
    for number in numbers:
        value = codec.from_number(number)
        if value is None:
            raise InvalidInput(f"there is no value {number}: send one of the contract", field)
        values.append(value)
    return tuple(values)


def erased_to_message(erased: ErasedDocument) -> gateway_pb2.EraseStampsResponse:
    """A document without stamps."""
    return gateway_pb2.EraseStampsResponse(
        document=erased.data,
        media_type=erased.media_type,
        pages=map(_page_to_message, erased.pages),
        warnings=erased.warnings,
        models=map(info_to_message, erased.models),
        timing=timing_to_message(erased.timing),
        request_id=erased.request_id,
        page_count=erased.page_count,
    )


def erased_from_message(message: gateway_pb2.EraseStampsResponse) -> ErasedDocument:
    """A document without stamps."""
    return ErasedDocument(
        message.document,
        message.media_type,
        tuple(map(_page_from_message, message.pages)),
        tuple(map(info_from_message, message.models)),
        timing_from_message(message.timing),
        message.request_id,
        tuple(message.warnings),
        message.page_count,
    )


def _page_to_message(page: ErasedPage) -> gateway_pb2.ErasedPage:
    return gateway_pb2.ErasedPage(
        status=warnings_to_message(page.warnings) if page.error is None else status_to_message(page.error, "document"),
        index=page.index,
        height=page.height,
        width=page.width,
        stamps=map(_stamp_to_message, page.stamps),
        label=page.label,
    )


def _page_from_message(message: gateway_pb2.ErasedPage) -> ErasedPage:
    return ErasedPage(
        message.index,
        message.height,
        message.width,
        tuple(map(_stamp_from_message, message.stamps)),
        status_from_message(message.status),
        message.label,
        tuple(message.status.warnings),
    )


def _stamp_to_message(stamp: ErasedStamp) -> gateway_pb2.ErasedStamp:
    return gateway_pb2.ErasedStamp(
        box=box_to_message(stamp.box),
        score=stamp.score,
        type=STAMP_TYPES.to_number(stamp.type),
        ink_colour=ink_to_number(stamp.ink_colour),
        source=SOURCES.to_number(stamp.source),
        die_group=stamp.die_group,
        outcome=OUTCOMES.to_number(stamp.outcome),
        left=stamp.left,
        reason=stamp.reason,
    )


def _stamp_from_message(message: gateway_pb2.ErasedStamp) -> ErasedStamp:
    return ErasedStamp(
        box_from_message(message.box),
        message.score,
        STAMP_TYPES.from_number(message.type) or StampType.OTHER,
        INK_COLOURS.from_number(message.ink_colour),
        SOURCES.from_number(message.source) or Source.PAGE,
        message.die_group,
        OUTCOMES.from_number(message.outcome) or Outcome.KEPT,
        decimal(message.left),
        message.reason,
    )
