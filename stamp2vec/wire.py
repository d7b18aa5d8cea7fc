"""Detections and overlays between the library's values and the contract's messages. Needs no torch.

A number of an enum that a newer peer sends and this code does not know becomes the value for all that is not known.
"""

import numpy as np

from stamp2vec.results import Detection, InkColour, Overlay, StampType
from stamp2vec.v1 import common_pb2, gateway_pb2
from stamp2vec.verification import Measures

STAMP_TYPES = {
    StampType.ROUND: common_pb2.STAMP_TYPE_ROUND,
    StampType.OVAL: common_pb2.STAMP_TYPE_OVAL,
    StampType.RECTANGLE: common_pb2.STAMP_TYPE_RECTANGLE,
    StampType.TRIANGLE: common_pb2.STAMP_TYPE_TRIANGLE,
    StampType.WORD: common_pb2.STAMP_TYPE_WORD,
    StampType.OTHER: common_pb2.STAMP_TYPE_OTHER,
}
INK_COLOURS = {
    None: common_pb2.INK_COLOUR_UNSPECIFIED,
    InkColour.BLACK: common_pb2.INK_COLOUR_BLACK,
    InkColour.BLUE: common_pb2.INK_COLOUR_BLUE,
    InkColour.VIOLET: common_pb2.INK_COLOUR_VIOLET,
    InkColour.RED: common_pb2.INK_COLOUR_RED,
    InkColour.GREEN: common_pb2.INK_COLOUR_GREEN,
    InkColour.GREY: common_pb2.INK_COLOUR_GREY,
}
_STAMP_TYPES_BACK = {number: value for value, number in STAMP_TYPES.items()}
_INK_COLOURS_BACK = {number: value for value, number in INK_COLOURS.items()}


def stamp_type(number: int) -> StampType:
    """OTHER for a number that is not known."""
    return _STAMP_TYPES_BACK.get(number, StampType.OTHER)  # type: ignore[call-overload, no-any-return]


def ink_colour(number: int) -> InkColour | None:
    """None for a number that is not known."""
    return _INK_COLOURS_BACK.get(number)  # type: ignore[call-overload, no-any-return]


def box(message: common_pb2.Box) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2."""
    return message.x1, message.y1, message.x2, message.y2


def detection(message: common_pb2.Detection) -> Detection:
    """A message as a value."""
    return Detection(
        box=box(message.box),
        score=message.score,
        type=stamp_type(message.type),
        angle_degrees=message.angle_degrees,
        ink_colour=ink_colour(message.ink_colour),
    )


def detection_message(found: Detection) -> common_pb2.Detection:
    """A value as a message."""
    x1, y1, x2, y2 = found.box
    return common_pb2.Detection(
        box=common_pb2.Box(x1=x1, y1=y1, x2=x2, y2=y2),
        score=found.score,
        type=STAMP_TYPES[found.type],
        angle_degrees=found.angle_degrees,
        ink_colour=INK_COLOURS[found.ink_colour],
    )


def mask(message: common_pb2.Mask) -> np.ndarray:
    """A soft ink mask, uint8 (H, W)."""
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width)


def mask_message(found: np.ndarray) -> common_pb2.Mask:
    """A soft ink mask, uint8 (H, W), as a message."""
    return common_pb2.Mask(data=found.tobytes(), height=found.shape[0], width=found.shape[1])


def overlay(message: gateway_pb2.Overlay) -> Overlay:
    """A message as a value."""
    measures = Measures(
        correlation=message.correlation,
        missing_ink=message.missing_ink,
        added_ink=message.added_ink,
        local_correlation=message.local_correlation,
    )
    return Overlay(mask(message.a_ink), mask(message.b_ink), measures)


def overlay_message(found: Overlay) -> gateway_pb2.Overlay:
    """A value as a message."""
    return gateway_pb2.Overlay(
        correlation=found.measures.correlation,
        missing_ink=found.measures.missing_ink,
        added_ink=found.measures.added_ink,
        local_correlation=found.measures.local_correlation,
        a_ink=mask_message(found.a_ink),
        b_ink=mask_message(found.b_ink),
    )
