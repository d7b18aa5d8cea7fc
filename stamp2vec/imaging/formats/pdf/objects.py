"""The dictionaries of a PDF, as PDFium writes them.

PDFium's interface tells neither UserUnit, nor the layer of an annotation, nor how many pages there are beside what
/Count claims. Yet it can save a document: decrypted, with its objects one after the other, none of them in a compressed
stream. These are read as they come; the contents of streams are skipped.
"""

import ctypes
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as pdfium

MAX_OBJECTS = 300_000
MAX_BYTES = 64 * 2**20
_MAX_OBJECT_BYTES = 2**20
_MAX_REST_BYTES = 8 * 2**20  # searched anew with each piece
_MAX_DEPTH = 32

_TOKEN = re.compile(
    rb"[\0\t\n\f\r ]*(?:(?P<ref>\d{1,10}[ \r\n]+\d{1,5}[ \r\n]+R\b)|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))"
    rb"|/(?P<name>[^\0\t\n\f\r ()<>\[\]{}/%]*)|(?P<open><<|\[)|(?P<close>>>|\])|(?P<hex><[^>]*>)|(?P<string>\()"
    rb"|(?P<word>[A-Za-z]+))"
)
_STRING_END = re.compile(rb"[()\\]")
_HEAD = re.compile(rb"[\r\n ]*(\d{1,10}) \d{1,5} obj\r?\n?")
_LENGTH = re.compile(rb"/Length (\d{1,12})")
# What structure.py looks at. The elements of a tagged PDF, of which there may be a hundred thousand, are not among it.
_WANTED = re.compile(rb"/(?:Pages?|Catalog|Kids|MediaBox|Contents|OCGs|OC|OCProperties|UserUnit|Annot|Subtype|AP|N)\b")


@dataclass(frozen=True, slots=True)
class Reference:
    """A number of an object."""

    number: int


@dataclass(frozen=True, slots=True)
class Name:
    """A name, without its slash."""

    text: str


class Objects:
    """Objects by their number; those that nothing here needs are left out."""

    def __init__(self, source: Mapping[int, bytes], trailer: bytes) -> None:
        self._source = source
        self._parsed: dict[int, Any] = {}
        self.trailer = dictionary(parse(trailer))

    def source(self, number: int) -> bytes:
        """An object as it is written; empty when there is none."""
        return self._source.get(number, b"")

    def get(self, value: Any) -> Any:
        """The value itself, or the object that it refers to; None when there is none."""
        for _ in range(_MAX_DEPTH):
            if not isinstance(value, Reference):
                return value
            number = value.number
            if number not in self._parsed:
                self._parsed[number] = parse(self._source.get(number, b"null"))
            value = self._parsed[number]
        return None

    def dictionary(self, value: Any) -> dict[str, Any]:
        """What `get` gives, empty where that is no dictionary."""
        return dictionary(self.get(value))

    def array(self, value: Any) -> list[Any]:
        """What `get` gives, empty where that is no array."""
        found = self.get(value)
        return found if isinstance(found, list) else []


def dictionary(value: Any) -> dict[str, Any]:
    """The value where it is a dictionary, else an empty one."""
    return value if isinstance(value, dict) else {}


def read_objects(document: Any) -> Objects | None:
    """The objects of a document that PDFium has open; None when there are too many, or they cannot be written."""
    scanner = _Scanner()
    if not save(document, scanner.feed, scanner.skipped):
        return None
    trailer = bytes(scanner.rest).partition(b"trailer")[2]
    return Objects(scanner.objects, trailer) if trailer else None


def save(document: Any, write: Callable[[bytes], bool], skips: Callable[[int], bool] = lambda size: False) -> bool:
    """Has PDFium save a document in pieces until `write` returns False; those of which `skips` is true are not made."""

    complete = True

    def take(_: Any, data: Any, size: int) -> int:
        nonlocal complete
        try:  # an exception would be printed by ctypes, and lost
            complete = complete and (skips(size) or write(ctypes.string_at(data, size)))
        except Exception:
            complete = False
        return int(complete)

    target = pdfium.FPDF_FILEWRITE(version=1, WriteBlock=_WRITE(take))
    saved = pdfium.FPDF_SaveAsCopy(document, target, pdfium.FPDF_REMOVE_SECURITY)
    return bool(saved) and complete  # PDFium does not heed what the last call returns


_WRITE = dict(pdfium.FPDF_FILEWRITE._fields_)["WriteBlock"]


class _Scanner:
    """Takes a file in pieces, and keeps its dictionaries and arrays."""

    def __init__(self) -> None:
        self.objects: dict[int, bytes] = {}
        self.rest = bytearray()  # that is not understood yet; in the end the table of objects and the trailer
        self._skip = 0  # bytes of a stream that are still to come
        self._seen = self._kept = 0

    def skipped(self, size: int) -> bool:
        """Whether a piece of `size` bytes is of the contents of a stream throughout; then it counts as fed."""
        if self._skip < size:
            return False
        self._skip -= size
        return True

    def feed(self, piece: bytes) -> bool:
        """False when the document is beyond the limits."""
        self.rest += memoryview(piece)[self._skip :]
        self._skip = 0
        while self._take():
            pass
        return self._seen <= MAX_OBJECTS and self._kept <= MAX_BYTES and len(self.rest) <= _MAX_REST_BYTES

    def _take(self) -> bool:
        """Take one object off `rest`; False when it is not there as a whole."""
        start = self.rest.find(b" obj\r\n")
        if start < 0:
            return False
        start = self.rest.rfind(b"\n", 0, start) + 1
        head = _HEAD.match(self.rest, start)
        end = self.rest.find(b"endobj", start)
        stream = self.rest.find(b"stream\r\n", start, end if end >= 0 else len(self.rest))
        if head is None or (end < 0 and stream < 0):
            return False
        body = bytes(self.rest[head.end() : stream if stream >= 0 else end])
        self._keep(int(head[1]), body)
        if stream < 0:
            del self.rest[: end + len(b"endobj\r\n")]
            return True
        length = _stream_length(body)
        if length is None:
            return False
        after = stream + len(b"stream\r\n") + length
        self._skip = max(0, after - len(self.rest))
        del self.rest[:after]
        return not self._skip

    def _keep(self, number: int, body: bytes) -> None:
        self._seen += 1
        is_array = body.startswith(b"[")
        if len(body) <= _MAX_OBJECT_BYTES and (is_array or _WANTED.search(body)):
            self.objects[number] = body
            self._kept += len(body) + 100  # and what Python needs for an entry


def _stream_length(body: bytes) -> int | None:
    found = _LENGTH.findall(body)
    if len(found) > 1:  # one of them in a dictionary inside this one
        length = dictionary(parse(body)).get("Length")
        return int(length) if isinstance(length, int | float) else None
    return int(found[0]) if found else None


def parse(text: bytes) -> Any:
    """The first object in `text`: dict, list, Name, Reference, float, str (a keyword), or bytes; None if damaged."""
    value, _ = _value(text, 0, 0)
    return None if value is _CLOSE else value


def _value(text: bytes, position: int, depth: int) -> tuple[Any, int]:
    """The object at `position`, and where it ends. `_Close` at the end of an array or a dictionary."""
    token = _TOKEN.match(text, position)
    if token is None or depth > _MAX_DEPTH:
        return _CLOSE, len(text)
    kind, end = token.lastgroup, token.end()
    if kind == "ref":
        return Reference(int(token["ref"].split()[0])), end
    if kind == "number":
        return float(token["number"]), end
    if kind == "name":
        return Name(token["name"].decode("latin-1")), end
    if kind == "open":
        return _container(text, end, depth, token["open"] == b"<<")
    if kind == "close":
        return _CLOSE, end
    if kind == "string":
        return b"", _string_end(text, end)
    if kind == "hex":
        return b"", end
    word = token["word"].decode("latin-1")
    return (None if word == "null" else word), end


_CLOSE = object()


def _container(text: bytes, position: int, depth: int, is_dictionary: bool) -> tuple[Any, int]:
    values: list[Any] = []
    while True:
        value, position = _value(text, position, depth + 1)
        if value is _CLOSE:
            break
        values.append(value)
    if not is_dictionary:
        return values, position
    return {key.text: value for key, value in zip(values[::2], values[1::2]) if isinstance(key, Name)}, position


def _string_end(text: bytes, position: int) -> int:
    level = 1
    while level:
        found = _STRING_END.search(text, position)
        if found is None:
            return len(text)
        position = found.end() + (found[0] == b"\\")
        level += {b"(": 1, b")": -1, b"\\": 0}[found[0]]
    return position
