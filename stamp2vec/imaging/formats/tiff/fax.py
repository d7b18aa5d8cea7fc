"""Whether fax data is whole: ITU-T T.4 (G3) and T.6 (G4), as libtiff and Pillow decode it without a word of damage.

A row is known to be damaged where its codes do not exist or do not add up to its width. libtiff leaves the rest of a
G4 strip blank then, and goes on at the next end of line in G3.
"""

from array import array
from collections.abc import Sequence

import numpy as np

_WHITE = (
    "00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 110101 "
    "101010 101011 0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011 0100100 0011000 "
    "00000010 00000011 00011010 00011011 00010010 00010011 00010100 00010101 00010110 00010111 00101000 "
    "00101001 00101010 00101011 00101100 00101101 00000100 00000101 00001010 00001011 01010010 01010011 "
    "01010100 01010101 00100100 00100101 01011000 01011001 01011010 01011011 01001010 01001011 00110010 "
    "00110011 00110100"
)
_WHITE_64 = (
    "11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100 011001101 "
    "011010010 011010011 011010100 011010101 011010110 011010111 011011000 011011001 011011010 011011011 "
    "010011000 010011001 010011010 011000 010011011"
)
_BLACK = (
    "0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111 "
    "000011000 0000010111 0000011000 0000001000 00001100111 00001101000 00001101100 00000110111 00000101000 "
    "00000010111 00000011000 000011001010 000011001011 000011001100 000011001101 000001101000 000001101001 "
    "000001101010 000001101011 000011010010 000011010011 000011010100 000011010101 000011010110 000011010111 "
    "000001101100 000001101101 000011011010 000011011011 000001010100 000001010101 000001010110 000001010111 "
    "000001100100 000001100101 000001010010 000001010011 000000100100 000000110111 000000111000 000000100111 "
    "000000101000 000001011000 000001011001 000000101011 000000101100 000001011010 000001100110 000001100111"
)
_BLACK_64 = (
    "0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 0000001101100 "
    "0000001101101 0000001001010 0000001001011 0000001001100 0000001001101 0000001110010 0000001110011 "
    "0000001110100 0000001110101 0000001110110 0000001110111 0000001010010 0000001010011 0000001010100 "
    "0000001010101 0000001011010 0000001011011 0000001100100 0000001100101"
)
_BOTH_1792 = (
    "00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 000000010110 "
    "000000010111 000000011100 000000011101 000000011110 000000011111"
)
_PASS, _HORIZONTAL = 10, 11  # other modes of T.6 are vertical: the distance from -3 to 3
_MODES = {
    "0001": _PASS, "001": _HORIZONTAL, "1": 0, "011": 1, "000011": 2, "0000011": 3, "010": -1, "000010": -2,
    "0000010": -3,
}  # fmt: skip

_WINDOW = 13  # bits of the longest code
_EOL_ZEROS = 11
_MOST_BYTES = 2 << 20  # of a strip that is looked at, which takes a second


def _table(codes: dict[str, int]) -> list[tuple[int, int] | None]:
    """For any 13 bits, the length and the value of the code that they begin with."""
    table: list[tuple[int, int] | None] = [None] * (1 << _WINDOW)
    for code, value in codes.items():
        spare = _WINDOW - len(code)
        first = int(code, 2) << spare
        table[first : first + (1 << spare)] = [(len(code), value)] * (1 << spare)
    return table


def _runs(short: str, long: str) -> list[tuple[int, int] | None]:
    codes = {code: run for run, code in enumerate(short.split())}
    codes |= {code: 64 * (run + 1) for run, code in enumerate(long.split())}
    return _table(codes | {code: 1792 + 64 * run for run, code in enumerate(_BOTH_1792.split())})


_RUNS = (_runs(_WHITE, _WHITE_64), _runs(_BLACK, _BLACK_64))
_MODE_OF = _table(_MODES)


class _BadRow(Exception):
    """A row whose codes do not exist or do not fit."""


def damaged_rows(data: bytes, width: int, rows: int, *, scheme: int, two_dimensional: bool = False) -> list[range]:
    """The rows of a strip, most significant bit first, that cannot have been decoded.

    `scheme` is the TIFF compression, 2, 3, 4 or 32771. A strip that ends with its end mark before `rows` is whole.
    """
    if len(data) > _MOST_BYTES:
        return []
    walk = _Walk(data, width)
    if scheme == 4:
        return _g4(walk, rows)
    return _g3(walk, rows, two_dimensional) if scheme == 3 else _rle(walk, rows, 16 if scheme == 32771 else 8)


def _g4(walk: "_Walk", rows: int) -> list[range]:
    reference: Sequence[int] = ()
    for row in range(rows):
        try:
            reference = walk.row_2d(reference)
        except _BadRow:
            return [] if walk.at_end_mark() else [range(row, rows)]
    return []


def _rle(walk: "_Walk", rows: int, alignment: int) -> list[range]:
    for row in range(rows):
        try:
            walk.row_1d()
        except _BadRow:
            return [range(row, rows)]
        walk.at = -(-walk.at // alignment) * alignment
    return []


def _g3(walk: "_Walk", rows: int, two_dimensional: bool) -> list[range]:
    bad: list[range] = []
    reference: Sequence[int] | None = ()
    row = 0
    while row < rows:
        ends = walk.skip_ends_of_line(two_dimensional)
        if ends > 1 and row:  # the return to control: the sender had no more rows
            break
        by_itself = walk.tag() if two_dimensional else True
        try:
            if by_itself:
                reference = walk.row_1d()
            elif reference is None:
                raise _BadRow
            else:
                reference = walk.row_2d(reference)
        except _BadRow:
            reference = None  # rows that refer to this one are of no use either
            bad.append(range(row, row + 1))
            if not walk.seek_end_of_line():
                bad.append(range(row + 1, rows))
                break
        row += 1
    return _united(bad)


def _united(rows: Sequence[range]) -> list[range]:
    united: list[range] = []
    for part in rows:
        if united and united[-1].stop == part.start:
            united[-1] = range(united[-1].start, part.stop)
        elif part:
            united.append(part)
    return united


class _Walk:
    """A place among the bits of a strip."""

    def __init__(self, data: bytes, width: int) -> None:
        self._width = width
        self.length = 8 * len(data)
        self.at = 0
        padded = np.frombuffer(data + bytes(4), np.uint8).astype(np.uint32)
        three = padded[:-2] << 16 | padded[1:-1] << 8 | padded[2:]
        shifts = np.arange(11, 3, -1, dtype=np.uint32)
        # The 13 bits from every place on.
        self._windows = array("H", ((three[:, None] >> shifts) & 0x1FFF).astype(np.uint16).tobytes())

    def row_1d(self) -> list[int]:
        """Where the colour changes in the row from here on."""
        width, colour, reached = self._width, 0, 0
        changes: list[int] = []
        while reached < width:
            reached += self._run(colour)
            changes.append(reached)
            colour ^= 1
        if reached > width:
            raise _BadRow
        return changes

    def row_2d(self, reference: Sequence[int]) -> list[int]:
        """The same of a row that is told by its difference from the row above."""
        width, windows, modes = self._width, self._windows, _MODE_OF
        above = (*reference, width, width, width)
        changes: list[int] = []
        colour = index = 0
        reached, start = 0, -1  # the imaginary pixel before the row
        while reached < width:
            if self.at >= self.length:
                raise _BadRow
            found = modes[windows[self.at]]
            if found is None:
                raise _BadRow
            self.at += found[0]
            mode = found[1]
            # The first change above, right of here, to the other colour: changes to black are at even indices.
            while index > 0 and above[index - 1] > start:
                index -= 1
            while above[index] < width and (above[index] <= start or index & 1 != colour):
                index += 1
            below = above[index]
            if mode == _PASS:
                reached = above[index + 1] if below < width else width
                start = reached
                continue
            if mode == _HORIZONTAL:
                first = reached + self._run(colour)
                reached = first + self._run(colour ^ 1)
                changes += [first, reached]
            else:
                if below + mode < reached or (below + mode == reached and reached and changes):
                    raise _BadRow
                reached = below + mode
                changes.append(reached)
                colour ^= 1
            start = reached
        if reached > width:
            raise _BadRow
        return changes

    def _run(self, colour: int) -> int:
        table, windows, total = _RUNS[colour], self._windows, 0
        while True:
            found = table[windows[self.at]] if self.at < self.length else None
            if found is None:
                raise _BadRow
            self.at += found[0]
            total += found[1]
            if found[1] < 64:
                return total

    def at_end_mark(self) -> bool:
        """Whether an end of block (T.6) is here."""
        return self.skip_ends_of_line(tagged=False) > 1

    def skip_ends_of_line(self, tagged: bool) -> int:
        """Go past ends of line, with the zeros that fill before them; how many there were.

        The tag bit of the last one is not skipped.
        """
        found = 0
        while self._windows_zero():
            place = self._end_of_line()
            if place is None:
                break
            self.at = place
            found += 1
            if tagged and self.at + 1 < self.length and self._windows[self.at + 1] >> 2 == 0:
                self.at += 1  # another end of line follows the tag
        return found

    def _windows_zero(self) -> bool:
        return self.at < self.length and self._windows[self.at] >> (_WINDOW - _EOL_ZEROS) == 0

    def _end_of_line(self) -> int | None:
        """The place behind the 1 that ends the zeros from here on."""
        at = self.at
        while at < self.length:
            window = self._windows[at]
            if window:
                return at + _WINDOW - window.bit_length() + 1
            at += _WINDOW
        return None

    def seek_end_of_line(self) -> bool:
        """Go to the next end of line, which is not skipped; False when there is none."""
        while self.at < self.length:
            if self._windows_zero():
                return self._end_of_line() is not None
            self.at += 1
        return False

    def tag(self) -> bool:
        """The bit behind an end of line: whether the next row refers to none."""
        bit = self._windows[self.at] >> (_WINDOW - 1) if self.at < self.length else 1
        self.at += 1
        return bool(bit)
