"""The tool that writes: a copy of a document without the ink of its stamps, and what became of each of them."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, Field

from stamp2vec.cli.erasing import check_ending, erased_count, stamp_lines
from stamp2vec.cli.mcp.answers import MOST_STAMPS, cut
from stamp2vec.cli.mcp.roots import WriteRoot
from stamp2vec.cli.mcp.tools import File, Pages, Tools
from stamp2vec.cli.report import counted
from stamp2vec.cli.rows import rounded
from stamp2vec.document import EraseOptions
from stamp2vec.errors import InvalidInput
from stamp2vec.values import ErasedDocument, InkColour, Outcome, StampPlace, StampType

_Out = Annotated[str, Field(description="path of the new file, below the folder for writing", max_length=4096)]
_Types = Annotated[
    tuple[StampType, ...], Field(description="erase only stamps of these outlines; any where it is empty")
]
_Inks = Annotated[tuple[InkColour, ...], Field(description="erase only stamps of these inks; any where it is empty")]
_Keep = Annotated[
    tuple[StampPlace, ...], Field(description="stamps that stay, as find_stamps counts them: page and stamp from 1")
]


class StampOutcome(BaseModel):
    """A stamp, and what became of it."""

    page: int = Field(description="from 1")
    stamp: int = Field(description="its number on the page, from 1, best first")
    type: StampType
    ink_colour: InkColour | None
    box: list[float] = Field(description="x1, y1, x2, y2 in pixels of the page")
    outcome: Outcome = Field(description="partly leaves some of its ink, kept all of it")
    left: float = Field(description="the share of its ink that is still there")
    reason: str = Field(description="why ink is left, and what to do")


class Erased(BaseModel):
    """A new file, and what became of the stamps of the old one."""

    file: str
    out: str
    media_type: str
    stamp_count: int
    erased_count: int = Field(description="of them, those of which at least some ink is gone")
    stamps: list[StampOutcome]
    unchanged_pages: list[str] = Field(description="pages that stayed as they were, each with the reason")
    warnings: list[str] = Field(description="what is wrong with the file, and what the new one has or lacks else")


class ErasingTool:
    """It shares what the other tools have, and their lock."""

    def __init__(self, tools: Tools, write_root: WriteRoot) -> None:
        """New files are written below `write_root`."""
        self._tools, self._write_root = tools, write_root

    def erase_stamps(
        self, file: File, out: _Out, pages: Pages = "", types: _Types = (), inks: _Inks = (), keep: _Keep = ()
    ) -> Annotated[CallToolResult, Erased]:
        """Write a copy of a document without the ink of its stamps; print and handwriting under them stay.

        The document stays as it is, and no file is overwritten. The new one has the format of the document, but for a
        JPEG, which becomes a PNG: name it so. Stamps that are not found are not erased: look at the new file.
        """
        options = EraseOptions(types=types, inks=inks, keep=keep, pages=pages, password=self._tools.password)
        with self._tools.alone():
            new = self._write_root.new(out)
            if not Path(out).suffix:
                raise InvalidInput(f"{out} has no ending: name it as the document, or .png for a JPEG")
            erased = self._tools.engine.erase(self._tools.roots.read(file), options)
            check_ending(Path(out), erased.media_type)
            new.write(erased.data)
        answer = _answer(file, out, erased)
        return CallToolResult(
            content=[TextContent(type="text", text="\n".join(_lines(answer, erased)))],
            structured_content=answer.model_dump(mode="json"),
        )


def _answer(file: str, out: str, erased: ErasedDocument) -> Erased:
    stamps = [
        StampOutcome(
            page=page.index + 1,
            stamp=number,
            type=stamp.type,
            ink_colour=stamp.ink_colour,
            box=[rounded(edge, 1) for edge in stamp.box],
            outcome=stamp.outcome,
            left=rounded(stamp.left, 3),
            reason=stamp.reason,
        )
        for page in erased.pages
        for number, stamp in enumerate(page.stamps, 1)
    ]
    return Erased(
        file=file,
        out=out,
        media_type=erased.media_type,
        stamp_count=len(stamps),
        erased_count=erased_count(erased),
        stamps=stamps[:MOST_STAMPS],
        unchanged_pages=[cut(f"page {page.index + 1}: {page.error}") for page in erased.pages if page.error],
        warnings=[cut(warning) for warning in _warnings(erased)],
    )


def _warnings(erased: ErasedDocument) -> Iterator[str]:
    yield from erased.warnings
    for page in erased.pages:
        yield from (f"page {page.index + 1}: {warning}" for warning in page.warnings)


def _lines(answer: Erased, erased: ErasedDocument) -> Iterator[str]:
    yield f"{answer.out} is written: of {counted(answer.stamp_count, 'stamp')} {answer.erased_count:,} erased"
    yield from islice(stamp_lines(erased), MOST_STAMPS)
    if answer.stamp_count > MOST_STAMPS:
        yield f"only the first {MOST_STAMPS} stamps are listed"
    yield from (f"unchanged {page}" for page in answer.unchanged_pages)
    yield from (f"warning: {warning}" for warning in answer.warnings)
