"""Detections, vectors and stamps."""

import numpy as np

from stamp2vec.document.stamps import StampPngs, StripPngs
from stamp2vec.imaging import decode_image
from stamp2vec.v1 import common_pb2, detector_pb2, gateway_pb2
from stamp2vec.values import Detection, Embedding, InkColour, Source, Stamp, StampType
from stamp2vec.wire.enums import INK_COLOURS, SOURCES, STAMP_TYPES
from stamp2vec.wire.images import box_from_message, box_to_message, mask_from_message, mask_to_message
from stamp2vec.wire.models import version_to_message
from stamp2vec.wire.png import decode_png, encode_png
from stamp2vec.wire.strips import place_from_message, strip_from_message, strip_to_message
from stamp2vec.wire.texts import text_from_message, text_to_message


def detection_to_message(detection: Detection) -> common_pb2.Detection:
    """One stamp of a picture."""
    return common_pb2.Detection(
        box=box_to_message(detection.box),
        score=detection.score,
        type=STAMP_TYPES.to_number(detection.type),
        angle_degrees=detection.angle_degrees,
        ink_colour=ink_to_number(detection.ink_colour),
    )


def detection_from_message(message: common_pb2.Detection) -> Detection:
    """One stamp of a picture."""
    return Detection(
        box=box_from_message(message.box),
        score=message.score,
        type=STAMP_TYPES.from_number(message.type) or StampType.OTHER,
        angle_degrees=message.angle_degrees,
        ink_colour=INK_COLOURS.from_number(message.ink_colour),
    )


def refinement_to_message(answer: np.ndarray) -> detector_pb2.RefineResult:
    """float32 (8,) as in `detection.refinement`."""
    *box, logit, angle_degrees, angle_probability, kind = answer.tolist()
    return detector_pb2.RefineResult(
        box=box_to_message(box),
        logit=logit,
        angle_degrees=angle_degrees,
        angle_probability=angle_probability,
        type=STAMP_TYPES.to_number(tuple(StampType)[round(kind)]),
    )


def refinement_from_message(message: detector_pb2.RefineResult) -> np.ndarray:
    """float32 (8,) as in `detection.refinement`."""
    kind = tuple(StampType).index(STAMP_TYPES.from_number(message.type) or StampType.OTHER)
    looks = message.logit, message.angle_degrees, message.angle_probability, kind
    return np.array([*box_from_message(message.box), *looks], np.float32)


def vector_to_message(vector: np.ndarray, model: common_pb2.ModelVersion) -> common_pb2.Vector:
    """float32 (D,); as a list, which protobuf copies several times faster than an array."""
    return common_pb2.Vector(values=vector.tolist(), model=model)


def vector_from_message(message: common_pb2.Vector) -> np.ndarray:
    """float32 (D,)."""
    return np.array(message.values, np.float32)


def embedding_to_message(embedding: Embedding) -> common_pb2.Vector:
    """A vector with its model."""
    return vector_to_message(embedding.vector, version_to_message(embedding.model, embedding.version))


def embedding_from_message(message: common_pb2.Vector) -> Embedding:
    """A vector with its model."""
    return Embedding(vector_from_message(message), message.model.name, message.model.version)


def stamp_to_message(
    stamp: Stamp, embedder: common_pb2.ModelVersion | None, pngs: StampPngs | None = None
) -> gateway_pb2.Stamp:
    """A stamp of a document, `embedder` being the model of its vector; `pngs` are its pictures, encoded before."""
    pictures = stamp_pngs(stamp) if pngs is None else pngs
    return gateway_pb2.Stamp(
        box=box_to_message(stamp.box),
        score=stamp.score,
        type=STAMP_TYPES.to_number(stamp.type),
        angle_degrees=stamp.angle_degrees,
        ink_colour=ink_to_number(stamp.ink_colour),
        crop_box=box_to_message(stamp.crop_box),
        vector=None if stamp.vector is None or embedder is None else vector_to_message(stamp.vector, embedder),
        mask=None if stamp.mask is None else mask_to_message(stamp.mask),
        crop_png=pictures.crop,
        die_group=stamp.die_group,
        source=SOURCES.to_number(stamp.source),
        box_points=None if stamp.box_points is None else box_to_message(stamp.box_points),
        width_mm=stamp.width_mm or 0.0,
        height_mm=stamp.height_mm or 0.0,
        text=None if stamp.text is None else text_to_message(stamp.text),
        unrolled=map(strip_to_message, pictures.unrolled),
        transparent_png=pictures.transparent,
        ink_png=pictures.ink,
    )


def stamp_from_message(message: gateway_pb2.Stamp) -> Stamp:
    """A stamp of a document."""
    x1, y1, x2, y2 = map(round, box_from_message(message.crop_box))
    return Stamp(
        box=box_from_message(message.box),
        score=message.score,
        type=STAMP_TYPES.from_number(message.type) or StampType.OTHER,
        angle_degrees=message.angle_degrees,
        ink_colour=INK_COLOURS.from_number(message.ink_colour),
        crop_box=(x1, y1, x2, y2),
        vector=vector_from_message(message.vector) if message.vector.values else None,
        mask=mask_from_message(message.mask) if message.HasField("mask") else None,
        crop=decode_image(message.crop_png) if message.crop_png else None,
        die_group=message.die_group,
        source=SOURCES.from_number(message.source) or Source.PAGE,
        box_points=box_from_message(message.box_points) if message.HasField("box_points") else None,
        width_mm=message.width_mm or None,
        height_mm=message.height_mm or None,
        text=text_from_message(message.text) if message.HasField("text") else None,
        unrolled=tuple(map(strip_from_message, message.unrolled)),
        transparent=decode_png(message.transparent_png, "RGBA") if message.transparent_png else None,
        ink=decode_png(message.ink_png, "RGB") if message.ink_png else None,
    )


def pngs_from_message(message: gateway_pb2.Stamp) -> StampPngs:
    """The pictures of a stamp as they are sent, which this takes out of the message."""
    pngs = StampPngs(
        crop=message.crop_png,
        unrolled=tuple(StripPngs(each.pixels_png, each.ink_png, place_from_message(each)) for each in message.unrolled),
        transparent=message.transparent_png,
        ink=message.ink_png,
    )
    for field in ("crop_png", "unrolled", "transparent_png", "ink_png"):
        message.ClearField(field)
    return pngs


def stamp_pngs(stamp: Stamp) -> StampPngs:
    """The pictures of a stamp, encoded."""
    return StampPngs(
        crop=b"" if stamp.crop is None else encode_png(stamp.crop),
        unrolled=tuple(StripPngs(encode_png(each.pixels), encode_png(each.ink), each.place) for each in stamp.unrolled),
        transparent=b"" if stamp.transparent is None else encode_png(stamp.transparent),
        ink=b"" if stamp.ink is None else encode_png(stamp.ink),
    )


def ink_to_number(colour: InkColour | None) -> "common_pb2.InkColour.ValueType":
    """Unspecified where the colour is not known."""
    return common_pb2.INK_COLOUR_UNSPECIFIED if colour is None else INK_COLOURS.to_number(colour)
