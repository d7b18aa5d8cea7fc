"""Many readings of one stamp to its lines: bands overlap, a ring is read past its seam, and some readings are junk.

Of readings that cover each other the one with the most letters, each weighted by how sure its engine is, stays: no band
is right for all stamps, and no profile of the ink tells which one is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stamp2vec.reading.places import Place, is_for_digits
from stamp2vec.reading.scripts import alike, as_cyrillic, plain, script_of
from stamp2vec.reading.straightening import positions
from stamp2vec.strips import Ring
from stamp2vec.texts import Box, Reading, Script, StripReadings, TextArc

_CERTAIN = 4  # power of the score that a letter counts by: of junk, many letters are halfway sure
_COVERED = 0.3  # share of the shorter of two readings on a ring from which they are of one text
_SAME_ROWS = 0.4  # share of the thinner of them across the ring, likewise
_ONE_LINE = 1.2  # of its height, how far apart two readings may lie that are one line
_WORD = 4  # characters
_UNREAD_WIDTH = 2.0  # heights
_SURE = 0.85  # score of a reading that stays on a stamp that is mostly in an unknown script
_UNEVEN = 3  # characters more or less than their share of the way that a ring says twice
_RING = 0.2  # of the radius: readings whose middles differ less are of one ring


@dataclass(frozen=True, slots=True)
class Found:
    """A line: its readings, and where it is. `strip` is the number of the strip that they are on.

    `box` is in pixels of the crop; on a ring it covers `span_degrees` of the way around; `along` and `down` are where
    a straight line begins, in its own directions, in pixels; `height` is its height, in the same.
    """

    readings: tuple[Reading, ...]
    strip: int
    box: Box
    arc: TextArc | None
    span_degrees: float
    along: float
    down: float
    height: float

    @property
    def text(self) -> str:
        """Of all of its readings."""
        return " ".join(each.text for each in self.readings if each.text)

    @property
    def weight(self) -> float:
        """What it counts against other readings of the same place."""
        return sum(_letters(each.text) * each.score**_CERTAIN for each in self.readings)

    @property
    def upside_down(self) -> bool:
        """Whether it stands so on its strip."""
        return self.readings[0].upside_down


def chosen(places: Sequence[Place], read: Sequence[StripReadings], height: int, angle_degrees: float) -> list[Found]:
    """The lines of a stamp in reading order, of the readings of its places, whose strips are `height` pixels high.

    Rings come from the outermost in, each clockwise from the foot of the stamp, and then the lines from top to bottom.
    """
    found = [one for number, place in enumerate(places) for one in _found(number, place, read[number], height)]
    found = _without_strays(_unread_where_unknown(found))
    rings = _in_ring_order(_uncovered([one for one in found if one.arc is not None]), angle_degrees)
    lines = _in_line_order([one for one in found if one.arc is None])
    return _one_script(list(_joined([*rings, *lines])))


def _unread_where_unknown(found: list[Found]) -> list[Found]:
    """On a stamp that is mostly in a script that nobody reads, unsure readings are of that script too."""
    widths = {True: 0.0, False: 0.0}
    for one in found:
        x1, y1, x2, y2 = one.readings[0].box
        widths[one.text == "" and one.readings[0].script is Script.OTHER] += (x2 - x1) / max(1, y2 - y1)
    if widths[True] <= widths[False]:
        return found
    return [replace(one, readings=tuple(map(_if_sure, one.readings))) for one in found]


def _if_sure(reading: Reading) -> Reading:
    return reading if reading.score >= _SURE else replace(reading, text="", script=Script.OTHER, confidence=0.0)


def _without_strays(found: Sequence[Found]) -> list[Found]:
    """Without single characters where there are words: parts of a frame or of an emblem, which engines take for some.

    Of what no engine has read, what is no wider than a few characters is left out too.
    """
    has_words = any(_letters(one.text) >= _WORD for one in found)
    kept = []
    for one in found:
        x1, y1, x2, y2 = one.readings[0].box
        is_read = _letters(one.text) > 1 or (one.text != "" and not has_words)
        is_unread = one.text == "" and x2 - x1 >= _UNREAD_WIDTH * (y2 - y1)
        if is_read or is_unread:
            kept.append(one)
    return kept


def _found(number: int, place: Place, strip: StripReadings, height: int) -> Iterator[Found]:
    if not strip.readings:
        return
    grid = positions(place, height)
    for reading in strip.readings:
        x1, y1, x2, y2 = reading.box
        part = grid[y1:y2, x1:x2]
        if not part.size:
            continue
        if isinstance(place, Ring) and is_for_digits(place) and not (reading.text and script_of(reading.text) is None):
            continue
        (left, top), (right, bottom) = part.min((0, 1)).tolist(), part.max((0, 1)).tolist()
        box = (left, top, right, bottom)
        if isinstance(place, Ring):
            span = (x2 - x1) / grid.shape[1] * place.span_degrees
            if span > 360:
                reading = _once(reading, 360 / span)
                part, span = grid[y1:y2, reading.box[0] : reading.box[2]], 360.0
            yield Found((reading,), number, box, _arc(place, reading, part, height), span, 0.0, 0.0, 0.0)
        else:
            turn = np.radians(place.angle_degrees)
            x, y = part[part.shape[0] // 2, 0].tolist()
            along, down = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
            yield Found((reading,), number, box, None, 0.0, float(along), float(down), place.height)


def _once(reading: Reading, share: float) -> Reading:
    """A reading that goes past the seam of its ring without what it says twice; `share` of it is once around."""
    x1, y1, x2, y2 = reading.box
    width = round((x2 - x1) * share)
    box = (x2 - width, y1, x2, y2) if reading.upside_down else (x1, y1, x1 + width, y2)
    text = reading.text
    again = round(len(text) * (1 - share))
    counts = range(max(1, again - _UNEVEN), min(len(text) // 2, again + _UNEVEN) + 1)
    count = max(counts, key=lambda count: alike(plain(text[:count]), plain(text[-count:])), default=0)
    return replace(reading, text=text[: len(text) - count].strip(), box=box)


def _arc(ring: Ring, reading: Reading, part: np.ndarray, height: int) -> TextArc:
    middle = part[part.shape[0] // 2]
    across, down = middle[[0, -1], 0] - ring.ellipse.x, middle[[0, -1], 1] - ring.ellipse.y
    first, last = (np.degrees(np.arctan2(across, -down)) % 360).tolist()
    rows = (ring.outer - ring.inner) / height
    inner, outer = ring.outer - reading.box[3] * rows, ring.outer - reading.box[1] * rows
    start, end = (last, first) if reading.upside_down else (first, last)
    return TextArc(start, end, reading.upside_down, inner, outer)


def _letters(text: str) -> int:
    return sum(character.isalnum() for character in text)


def _uncovered(found: Sequence[Found]) -> list[Found]:
    """Readings of rings of which none covers another."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda each: each.weight, reverse=True):
        others = (other for other in kept if not _are_name_and_number(one, other))
        if not any(_cover(one, one.arc, other, other.arc) for other in others if one.arc and other.arc):
            kept.append(one)
    return kept


def _are_name_and_number(one: Found, other: Found) -> bool:
    """Whether they are the texts of a Chinese seal's ring: characters may be seen in the digits between its ends."""
    scripts = {each.readings[0].script for each in (one, other) if each.text}
    return scripts == {Script.HAN, None} and one.upside_down != other.upside_down


def _cover(one: Found, arc: TextArc, other: Found, other_arc: TextArc) -> bool:
    rows = min(arc.outer_radius, other_arc.outer_radius) - max(arc.inner_radius, other_arc.inner_radius)
    thinner = min(arc.outer_radius - arc.inner_radius, other_arc.outer_radius - other_arc.inner_radius)
    if rows < _SAME_ROWS * thinner:
        return False
    start, other_start = (each.end_degrees if each.inward else each.start_degrees for each in (arc, other_arc))
    length, other_length = one.span_degrees, other.span_degrees
    ahead, behind = (other_start - start) % 360, (start - other_start) % 360
    common = max(min(length - ahead, other_length), min(other_length - behind, length))
    return common > _COVERED * min(length, other_length)


def _in_ring_order(found: Sequence[Found], angle_degrees: float) -> list[Found]:
    """From the outermost ring in; of a ring what stands outwards first, each as it is read."""

    def order(arc: TextArc | None) -> tuple[int, bool, float]:
        if arc is None:
            raise TypeError("a straight line has no place on a ring. This is a bug.")
        ring = -round((arc.inner_radius + arc.outer_radius) / 2 / _RING)
        foot = angle_degrees + 180
        way = foot - arc.start_degrees if arc.inward else arc.start_degrees - foot
        return ring, arc.inward, way % 360

    return sorted(found, key=lambda one: order(one.arc))


def _in_line_order(found: Sequence[Found]) -> list[Found]:
    """From top to bottom, and from left to right within a line, the way up that most of what is read stands."""
    balance = sum(one.weight * (-1 if one.upside_down else 1) for one in found)
    turned = balance < 0
    kept = [one for one in found if one.upside_down == turned or not one.text]
    rows: list[list[Found]] = []
    for one in sorted(kept, key=lambda each: each.down):
        if rows and one.down - rows[-1][-1].down < 0.5 * min(one.height, rows[-1][-1].height):
            rows[-1].append(one)
        else:
            rows.append([one])
    ordered = [one for row in rows for one in sorted(row, key=lambda each: each.along)]
    return ordered[::-1] if turned else ordered


def _joined(found: Sequence[Found]) -> Iterator[Found]:
    """Neighbours that are one line: on one strip, the same way up, and less than a line's height apart."""
    before: Found | None = None
    for one in found:
        if before is not None and _is_next(before, one):
            arc = before.arc and one.arc and replace(before.arc, end_degrees=one.arc.end_degrees)
            corners = np.array([before.box, one.box])
            (left, top), (right, bottom) = corners[:, :2].min(0).tolist(), corners[:, 2:].max(0).tolist()
            before = replace(
                before, readings=(*before.readings, *one.readings), box=(left, top, right, bottom), arc=arc
            )
            continue
        if before is not None:
            yield before
        before = one
    if before is not None:
        yield before


def _is_next(before: Found, one: Found) -> bool:
    if before.strip != one.strip or before.upside_down != one.upside_down or not before.text or not one.text:
        return False
    last, first = before.readings[-1].box, one.readings[0].box
    gap = last[0] - first[2] if one.upside_down else first[0] - last[2]
    height = max(last[3] - last[1], first[3] - first[1])
    return -height < gap < _ONE_LINE * height


def _one_script(found: list[Found]) -> list[Found]:
    """On a stamp in Cyrillic, words in letters that look alike in both scripts are Cyrillic too."""
    letters = {
        script: sum(_letters(each.text) for one in found for each in one.readings if each.script is script)
        for script in (Script.LATIN, Script.CYRILLIC)
    }
    if letters[Script.CYRILLIC] <= letters[Script.LATIN]:
        return found
    return [replace(one, readings=tuple(map(_in_cyrillic, one.readings))) for one in found]


def _in_cyrillic(reading: Reading) -> Reading:
    text = as_cyrillic(reading.text) if reading.script is Script.LATIN else None
    return reading if text is None else replace(reading, text=text, script=Script.CYRILLIC)
