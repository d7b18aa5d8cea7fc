"""Results as tables, for people."""

import dataclasses
import json
from collections.abc import Iterator, Sequence

from stamp2vec.cli.report import counted
from stamp2vec.cli.rows import rounded
from stamp2vec.texts import StampText
from stamp2vec.values import DocumentResult, ModelInfo, PageResult, Source, Stamp, Task

# A wider matrix does not fit a terminal.
_MOST_COMPARED = 12
_KINDS = {
    Task.DETECT: "detector",
    Task.SEGMENT: "segmenter",
    Task.EMBED: "embedder",
    Task.VERIFY: "pair network",
    Task.READ: "reader",
    Task.REFINE: "refiner",
}


def document(name: str, result: DocumentResult) -> str:
    """The stamps of every page, their similarities and their dies."""
    return "\n".join(_document_lines(name, result))


def _document_lines(name: str, result: DocumentResult) -> Iterator[str]:
    number = 0
    for warning in result.warnings:
        yield f"{name}  warning: {warning}"
    for page in result.pages:
        if page.error is not None:
            continue
        stamps = page.stamps
        has_sizes = any(stamp.width_mm is not None for stamp in stamps)
        is_shown = any(stamp.source is not Source.PAGE for stamp in stamps)
        resolution = page.resolution
        at = "" if resolution is None else f" at {_dpi(resolution.x, resolution.y)} dpi"
        yield f"{_page(name, page)}  {page.width} x {page.height}{at}  {counted(len(stamps), 'stamp')}"
        yield from (f"  warning: {warning}" for warning in page.warnings)
        if stamps:
            size, source = ("      size in mm" if has_sizes else ""), ("  source" if is_shown else "")
            yield f"     #  score  type       rotation  ink         x1      y1      x2      y2{size}{source}"
        for stamp in stamps:
            number += 1
            box = "".join(f"  {rounded(edge, 0):6.0f}" for edge in stamp.box)
            rotation, ink = round(stamp.angle_degrees), stamp.ink_colour or "-"
            size, source = (f"  {_size(stamp):>14}" if has_sizes else ""), (f"  {stamp.source}" if is_shown else "")
            score = rounded(stamp.score, 2)
            yield f"  {number:4}  {score:5.2f}  {stamp.type:9}  {rotation:8}  {ink:6}{box}{size}{source}"
            if stamp.text is not None:
                yield from (f"        {line}" for line in text_lines(stamp.text))
    if 2 <= len(result.similarity) <= _MOST_COMPARED:
        yield "  similarity" + "".join(f"  {column + 1:5}" for column in range(len(result.similarity)))
        for row, values in enumerate(result.similarity):
            yield f"  {row + 1:10}" + "".join(f"  {value:5.2f}" for value in values)
    everywhere = [stamp for page in result.pages for stamp in page.stamps]
    for group in sorted({stamp.die_group for stamp in everywhere if stamp.die_group}):
        numbers = [str(number) for number, stamp in enumerate(everywhere, 1) if stamp.die_group == group]
        if len(numbers) > 1:
            yield f"  of one die: {', '.join(numbers)}"


def found(name: str, result: DocumentResult) -> str:
    """A line for each page that has stamps or warnings, and for each warning on the file."""
    return "".join(f"{line}\n" for line in _found_lines(name, result))


def _found_lines(name: str, result: DocumentResult) -> Iterator[str]:
    for warning in result.warnings:
        yield f"{name}  warning: {warning}"
    for page in result.pages:
        if page.stamps:
            places = "; ".join(f"{number} {place(stamp, page)}" for number, stamp in enumerate(page.stamps, 1))
            yield f"{_page(name, page)}  {counted(len(page.stamps), 'stamp')}: {places}"
        yield from (f"{_page(name, page)}  warning: {warning}" for warning in page.warnings)


def texts(name: str, result: DocumentResult) -> str:
    """What each stamp says."""
    return "".join(f"{line}\n" for line in _texts(name, result))


def _texts(name: str, result: DocumentResult) -> Iterator[str]:
    number = 0
    for page in result.pages:
        for stamp in page.stamps:
            number += 1
            yield f"{_page(name, page)}  {number} {place(stamp, page)}"
            if stamp.text is not None:
                yield from (f"  {line}" for line in text_lines(stamp.text))


def text_lines(text: StampText) -> Iterator[str]:
    """Its lines, each with how sure it is, and then its dates and numbers; a question mark is for what is in doubt."""
    for line in text.lines:
        said = line.text or f"[{line.script or 'unknown'} script, not read]"
        yield f"{rounded(line.confidence, 2):4.2f}  {said}{_mark(line.doubtful)}"
    if text.dates:
        yield "dates: " + ", ".join(f"{each.iso or each.text}{_mark(each.doubtful)}" for each in text.dates)
    if text.numbers:
        yield "numbers: " + ", ".join(f"{each.digits}{_mark(each.doubtful)}" for each in text.numbers)
    if not text.lines:
        yield "no text"
    yield from (f"warning: {warning}" for warning in text.warnings)


def _mark(doubtful: bool) -> str:
    return " ?" if doubtful else ""


def _page(name: str, page: PageResult) -> str:
    number = str(page.index + 1)
    label = f" ({page.label})" if page.label not in ("", number) else ""
    return f"{name}  page {number}{label}"


def place(stamp: Stamp, page: PageResult) -> str:
    """For example "round, bottom left": a third of the page, down and across."""
    x1, y1, x2, y2 = stamp.box
    down = ("top", "middle", "bottom")[min(2, max(0, int(3 * (y1 + y2) / 2 / page.height)))]
    across = ("left", "centre", "right")[min(2, max(0, int(3 * (x1 + x2) / 2 / page.width)))]
    source = "" if stamp.source is Source.PAGE else f", {stamp.source}"
    return f"{stamp.type}, {down} {across}{source}"


def _dpi(x: float, y: float) -> str:
    """One number where a person would see one."""
    across, down = round(x), round(y)
    return str(across) if across == down else f"{across} x {down}"


def _size(stamp: Stamp) -> str:
    if stamp.width_mm is None or stamp.height_mm is None:
        return "-"
    return f"{stamp.width_mm:.0f} x {stamp.height_mm:.0f}"


def models(infos: Sequence[ModelInfo]) -> str:
    """One line a model."""
    rows = [("MODEL", "ROLE", "VERSION", "INPUT", "PARAMETERS", "VECTOR", "SHA256")]
    for info in infos:
        size, vector = f"{info.input_height} x {info.input_width}", str(info.vector_size or "-")
        rows.append((info.name, role(info), info.version, size, f"{info.parameters:,}", vector, info.sha256[:12]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def role(info: ModelInfo) -> str:
    """What a model is for: `fast detector`, `fast and accurate segmenter`, or `embedder` where it has no preset."""
    kind = "model" if info.task is None else _KINDS.get(info.task, info.task)
    return f"{' and '.join(info.presets)} {kind}".strip()


def model_json(info: ModelInfo) -> str:
    """One model as a line of JSON."""
    return json.dumps(dataclasses.asdict(info))
