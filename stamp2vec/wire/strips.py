"""Strips of straight text, and where they come from."""

from stamp2vec.document.stamps import StripPngs
from stamp2vec.strips import Ellipse, Line, Place, Reading, Ring, Strip
from stamp2vec.v1 import gateway_pb2
from stamp2vec.wire.enums import READINGS
from stamp2vec.wire.png import decode_png


def strip_to_message(strip: StripPngs) -> gateway_pb2.UnrolledStrip:
    """A strip whose pictures are encoded."""
    message = gateway_pb2.UnrolledStrip(pixels_png=strip.pixels, ink_png=strip.ink)
    place = strip.place
    if isinstance(place, Ring):
        message.ring.CopyFrom(_ring_to_message(place))
    else:
        message.line.x, message.line.y = place.x, place.y
        message.line.width, message.line.height = place.width, place.height
        message.line.angle_degrees = place.angle_degrees
    return message


def strip_from_message(message: gateway_pb2.UnrolledStrip) -> Strip:
    """A strip."""
    pixels, ink = decode_png(message.pixels_png, "RGB"), decode_png(message.ink_png, "L")
    return Strip(pixels, ink, place_from_message(message))


def place_from_message(message: gateway_pb2.UnrolledStrip) -> Place:
    """Where a strip comes from."""
    if message.WhichOneof("place") == "ring":
        return _ring_from_message(message.ring)
    line = message.line
    return Line(line.x, line.y, line.width, line.height, line.angle_degrees)


def _ring_to_message(ring: Ring) -> gateway_pb2.RingPlace:
    return gateway_pb2.RingPlace(
        centre_x=ring.ellipse.x,
        centre_y=ring.ellipse.y,
        semi_major=ring.ellipse.semi_major,
        semi_minor=ring.ellipse.semi_minor,
        rotation_degrees=ring.ellipse.rotation_degrees,
        inner=ring.inner,
        outer=ring.outer,
        start_degrees=ring.start_degrees,
        span_degrees=ring.span_degrees,
        reading=READINGS.to_number(ring.reading),
    )


def _ring_from_message(message: gateway_pb2.RingPlace) -> Ring:
    return Ring(
        Ellipse(
            message.centre_x,
            message.centre_y,
            message.semi_major,
            message.semi_minor,
            message.rotation_degrees,
        ),
        message.inner,
        message.outer,
        message.start_degrees,
        message.span_degrees,
        READINGS.from_number(message.reading) or Reading.CLOCKWISE,
    )
