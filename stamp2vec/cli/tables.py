"""Results as tables, for people."""

import dataclasses
import json
from collections.abc import Iterator, Sequence

from stamp2vec.cli.rows import rounded
from stamp2vec.values import DocumentResult, ModelInfo, Task

# A wider matrix does not fit a terminal.
_MOST_COMPARED = 12
_KINDS = {Task.DETECT: "detector", Task.SEGMENT: "segmenter", Task.EMBED: "embedder", Task.VERIFY: "pair network"}


def document(name: str, result: DocumentResult) -> str:
    """The stamps of every page, their similarities and their dies."""
    return "\n".join(_document_lines(name, result))


def _document_lines(name: str, result: DocumentResult) -> Iterator[str]:
    number = 0
    for page in result.pages:
        if page.error is not None:
            continue
        found = f"{len(page.stamps)} stamp{'' if len(page.stamps) == 1 else 's'}"
        yield f"{name}  page {page.index + 1}  {page.width} x {page.height}  {found}"
        if page.stamps:
            yield "     #  score  type       rotation  ink         x1      y1      x2      y2"
        for stamp in page.stamps:
            number += 1
            box = "".join(f"  {rounded(edge, 0):6.0f}" for edge in stamp.box)
            rotation, ink = round(stamp.angle_degrees), stamp.ink_colour or "-"
            yield f"  {number:4}  {rounded(stamp.score, 2):5.2f}  {stamp.type:9}  {rotation:8}  {ink:6}{box}"
    if 2 <= len(result.similarity) <= _MOST_COMPARED:
        yield "  similarity" + "".join(f"  {column + 1:5}" for column in range(len(result.similarity)))
        for row, values in enumerate(result.similarity):
            yield f"  {row + 1:10}" + "".join(f"  {value:5.2f}" for value in values)
    stamps = [stamp for page in result.pages for stamp in page.stamps]
    for group in sorted({stamp.die_group for stamp in stamps if stamp.die_group}):
        numbers = [str(number) for number, stamp in enumerate(stamps, 1) if stamp.die_group == group]
        if len(numbers) > 1:
            yield f"  of one die: {', '.join(numbers)}"


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
