"""Stamps out of pages, ready for the segmenter and the embedder."""

import io
from dataclasses import dataclass

from PIL import Image

from services.gateway.calls import Pixels
from services.gateway.pages import Sheet
from stamp2vec import wire
from stamp2vec.comparison import illegibility
from stamp2vec.imaging import Letterbox, crop, ink_colour, letterbox
from stamp2vec.v1 import common_pb2, detector_pb2, gateway_pb2


@dataclass(frozen=True, slots=True)
class Place:
    """A stamp and the page that it is on."""

    stamp: gateway_pb2.Stamp
    page: gateway_pb2.Page
    image: Pixels


@dataclass(frozen=True, slots=True)
class Cut:
    """A crop, also in the two sizes in which it is looked at. What nobody asked for is None."""

    pixels: Pixels
    for_embedder: Pixels
    for_segmenter: Pixels | None
    box: Letterbox | None


def places(sheet: Sheet, found: detector_pb2.DetectResult, page: gateway_pb2.Page) -> list[Place]:
    """The stamps of a page, in its own pixels; their ink is for `finish` to tell."""
    return [
        Place(
            gateway_pb2.Stamp(box=each.box, score=each.score, type=each.type, angle_degrees=each.angle_degrees),
            page,
            sheet.image,
        )
        for each in found.detections
    ]


def cut(place: Place, embedder: tuple[int, int], segmenter: tuple[int, int] | None, *, include_crop: bool) -> Cut:
    """Crops a stamp and fits it to both models' input sizes, (height, width).

    Fills in crop_box, crop_png, and die_group: 0 where no die can be told, a 1 that stands for any number elsewhere.
    """
    box = place.stamp.box
    pixels, (x1, y1, x2, y2) = crop(place.image, (box.x1, box.y1, box.x2, box.y2))
    place.stamp.crop_box.CopyFrom(common_pb2.Box(x1=x1, y1=y1, x2=x2, y2=y2))
    place.stamp.die_group = 0 if illegibility(pixels) else 1
    if include_crop:
        place.stamp.crop_png = _png(pixels)
    for_embedder, _ = letterbox(pixels, embedder)
    for_segmenter, margins = letterbox(pixels, segmenter) if segmenter else (None, None)
    return Cut(pixels, for_embedder, for_segmenter, margins)


def finish(place: Place, part: Cut, mask: common_pb2.Mask | None) -> None:
    """Fills in the mask, which is in pixels of the segmenter's input, and the colour of the ink."""
    ink = None
    if mask is not None and part.box is not None:
        ink = part.box.mask_to_image(wire.mask(mask))
        place.stamp.mask.CopyFrom(wire.mask_message(ink))
    place.stamp.ink_colour = wire.INK_COLOURS[ink_colour(part.pixels, ink)]


def _png(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()
