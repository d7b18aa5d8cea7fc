"""The command erase: a file without its stamps."""

import json
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from stamp2vec.cli.engine import Engine
from stamp2vec.cli.report import Report, counted
from stamp2vec.cli.rows import rounded
from stamp2vec.cli.sources import find, place_of
from stamp2vec.document import EraseOptions
from stamp2vec.errors import InvalidInput
from stamp2vec.files import write_whole
from stamp2vec.values import ErasedDocument, ErasedPage, ErasedStamp, InkColour, Outcome, StampPlace, StampType

_CHANGING = (".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".j2k")
_ENDINGS = {
    "application/pdf": (".pdf",),
    "image/bmp": (".bmp",),
    "image/png": (".png",),
    "image/tiff": (".tif", ".tiff"),
    "image/webp": (".webp",),
    "image/x-portable-anymap": (".pnm", ".ppm", ".pgm", ".pbm"),
}
_MOST_DIES = 2_000

Member = TypeVar("Member", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Choice:
    """What --only asks for."""

    types: tuple[StampType, ...] = ()
    inks: tuple[InkColour, ...] = ()
    dies: tuple[int, ...] = ()


def choice(text: str) -> Choice:
    """What `type=round,ink=red,die=3` asks for: a key that comes twice means either value."""
    types: list[StampType] = []
    inks: list[InkColour] = []
    dies: list[int] = []
    for part in text.split(","):
        key, _, value = part.strip().partition("=")
        match key:
            case "type":
                types.append(_one_of(StampType, key, value))
            case "ink":
                inks.append(_one_of(InkColour, key, value))
            case "die":
                if not value.isdecimal() or not 1 <= int(value) <= _MOST_DIES:
                    raise ArgumentTypeError(f"die={value} is no number of a die: `stamp2vec analyze` prints them")
                dies.append(int(value))
            case _:
                raise ArgumentTypeError(f"{part!r} is no choice: name some such as type=round,ink=red,die=3")
    return Choice(tuple(types), tuple(inks), tuple(dies))


def _one_of(kind: type[Member], key: str, value: str) -> Member:
    try:
        return kind(value)
    except ValueError:
        raise ArgumentTypeError(f"there is no {key} {value!r}: choose {', '.join(kind)}") from None


def kept_place(text: str) -> StampPlace:
    """A stamp that stays, such as `#page=3&stamp=2`."""
    place = place_of(text.removeprefix("#"))
    if place is None or place.stamp is None:
        raise ArgumentTypeError(f"{text!r} is no stamp: name one such as '#page=3&stamp=2'")
    return StampPlace(place.page, place.stamp)


def out_path(text: str) -> str:
    """Where the new file goes."""
    if text.lower().endswith(_CHANGING):
        raise ArgumentTypeError(f"{text}: to save it as a JPEG would change every pixel; name it .png")
    return text


def erase(arguments: Namespace, engine: Engine, report: Report) -> None:
    """Write a file without its stamps, and print what became of each."""
    asked: Choice = arguments.only or Choice()
    options = EraseOptions(
        types=asked.types,
        inks=asked.inks,
        dies=asked.dies,
        keep=tuple(arguments.keep),
        min_score=arguments.min_score,
        max_overlap=arguments.max_overlap,
        pages=arguments.pages,
        password=arguments.password,
    )
    sources = list(find([arguments.file], report))
    if len(sources) != 1:
        if not report.failures:
            raise InvalidInput("erase takes one file: a glob or a folder must stand for one")
        return
    source = sources[0]
    try:
        erased = engine.erase(source.read(), options)
    except InvalidInput as error:
        report.fail(source.name, error)
        return
    for page in erased.pages:
        if page.error is not None:
            report.fail(f"{source.name} page {page.index + 1}", page.error)
    _write(Path(arguments.out), erased)
    for warning in erased.warnings:
        report.note(f"{source.name}: {warning}")
    for line in _json_lines(source.name, erased) if arguments.json else _lines(source.name, erased):
        print(line, flush=True)


def check_ending(path: Path, media_type: str) -> None:
    """InvalidInput when a file of this type should be named otherwise; one without an ending may be any."""
    endings = _ENDINGS.get(media_type)
    if path.suffix and endings and path.suffix.lower() not in endings:
        raise InvalidInput(f"{path}: the file without stamps is {media_type}, name it {endings[0]}")


def _write(path: Path, erased: ErasedDocument) -> None:
    check_ending(path, erased.media_type)
    try:
        write_whole(path, erased.data)
    except OSError as error:
        raise InvalidInput(f"--out {path} cannot be written ({error.strerror}): choose another") from error


def _lines(name: str, erased: ErasedDocument) -> Iterator[str]:
    yield from (f"{name}  {line}" for line in stamp_lines(erased))
    total = sum(len(page.stamps) for page in erased.pages)
    yield f"{counted(total, 'stamp')}, {erased_count(erased):,} erased"


def erased_count(erased: ErasedDocument) -> int:
    """How many stamps have lost ink."""
    gone = (Outcome.ERASED, Outcome.PARTLY)
    return sum(stamp.outcome in gone for page in erased.pages for stamp in page.stamps)


def stamp_lines(erased: ErasedDocument) -> Iterator[str]:
    """What became of each stamp."""
    for page in erased.pages:
        for number, stamp in enumerate(page.stamps, 1):
            ink = stamp.ink_colour or "unknown ink"
            yield f"page {page.index + 1}  stamp {number}  {stamp.type}, {ink}: {_outcome(stamp)}"


def _outcome(stamp: ErasedStamp) -> str:
    left = f" ({stamp.left:.0%} of its ink left)" if stamp.outcome is Outcome.PARTLY else ""
    return f"{stamp.outcome}{left}{': ' if stamp.reason else ''}{stamp.reason}"


def _json_lines(name: str, erased: ErasedDocument) -> Iterator[str]:
    for page in erased.pages:
        if page.error is None:
            yield json.dumps({"file": name, **erased_page_row(page)})


def erased_page_row(page: ErasedPage) -> dict[str, object]:
    """What became of the stamps of a page, for programs."""
    return {
        "page": page.index,
        "label": page.label or None,
        "width": page.width,
        "height": page.height,
        "warnings": list(page.warnings),
        "stamps": [
            {
                "box": [rounded(edge, 3) for edge in stamp.box],
                "score": rounded(stamp.score, 6),
                "type": stamp.type,
                "ink_colour": stamp.ink_colour,
                "source": stamp.source,
                "outcome": stamp.outcome,
                "left": rounded(stamp.left, 3),
                "reason": stamp.reason,
            }
            for stamp in page.stamps
        ],
    }
