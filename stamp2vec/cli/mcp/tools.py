"""The tools, each a method: what it is for and what it takes is told to the assistant by docstring and types."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, TextContent
from pydantic import Field

from stamp2vec.cli import verdicts
from stamp2vec.cli.bulk.selection import after
from stamp2vec.cli.engine import Engine
from stamp2vec.cli.mcp import answers
from stamp2vec.cli.mcp.pictures import Content, captioned, shown
from stamp2vec.cli.mcp.roots import Roots
from stamp2vec.cli.places import crop_bytes
from stamp2vec.cli.sources import Place, Source
from stamp2vec.document.options import Options
from stamp2vec.errors import Stamp2vecError
from stamp2vec.imaging import decode_image
from stamp2vec.values import PageResult

MOST_PAGES = 20
"""Looked at in one call: an assistant gives up waiting."""

_ENOUGH_READ = 20
"""Stamps, after whose page no other is read in the same call: reading takes longest."""

_MOST_SHOWN = 8

File = Annotated[str, Field(description="path of the document", max_length=4096)]
Pages = Annotated[
    str, Field(description="such as 1-3,7 or 21-, counted from 1; all where it is empty", max_length=1000)
]
_Page = Annotated[int | None, Field(description="the page that shows the stamp; nothing for a picture of it", ge=1)]
_Number = Annotated[int, Field(description="its number on the page, as find_stamps counts them", ge=1)]
_Straight = Annotated[bool, Field(description="answer with the text of each stamp in straight strips, to be read")]
_Pictures = Annotated[bool, Field(description="answer with pictures too")]


class Tools:
    """They run in threads of the server, one at a time."""

    def __init__(self, engine: Engine, roots: Roots, password: str | None) -> None:
        """See build of the server."""
        self.engine, self.roots, self.password = engine, roots, password
        self._lock = Lock()

    def find_stamps(self, file: File, pages: Pages = "") -> Annotated[CallToolResult, answers.Found]:
        """Find the ink stamps on a document: on which pages they are, where, of what shape, colour and size.

        The quickest look. At most 20 pages in one call; next_pages says how to go on.
        """
        with self.alone():
            looked, _ = self._look(file, self.roots.read(file), pages)
        return _answer(looked)

    def read_stamps(self, file: File, pages: Pages = "") -> Annotated[CallToolResult, answers.Read]:
        """Read the ink stamps on a document: the lines of each, its dates and numbers, and what of it is in doubt.

        The confidence of a line is the probability that it is right to the letter. A question mark, and doubtful, say
        that two readings differ or one is unsure: check these on the page. It reads Latin and Chinese, and other
        scripts as far as they are installed. At most 20 pages in one call; next_pages says how to go on.
        """
        with self.alone():
            options = Options(include_vectors=False, include_text=True, pages=pages, password=self.password)
            looked, results = self._pages(file, self.roots.read(file), options, _ENOUGH_READ)
        return _answer(answers.read(looked, results))

    def analyze_document(
        self, file: File, pages: Pages = "", pictures: _Pictures = False, straight_text: _Straight = False
    ) -> Annotated[CallToolResult, answers.Analyzed]:
        """Find the ink stamps on a document, and which of them come from one die; show them, or their text to be read.

        At most 20 pages in one call, and pictures of at most 8 stamps. Similar stamps are of one layout; only their ink
        shows whether one die made them.
        """
        with self.alone():
            data = self.roots.read(file)
            looked, stamped = self._look(file, data, pages)
            if not stamped:
                return _answer(answers.Analyzed(**dict(looked), dies=[], pairs=[]))
            options = Options(
                pages=stamped, password=self.password, include_crops=pictures, include_unrolled=straight_text
            )
            ((_, result),) = self.engine.analyze([(file, data)], options)
            if isinstance(result, Stamp2vecError):
                raise result
        stamps = [(page, number, stamp) for page in result.pages for number, stamp in enumerate(page.stamps, 1)]
        content = [each for page, number, stamp in stamps[:_MOST_SHOWN] for each in shown(page, number, stamp)]
        return _answer(answers.analyzed(looked, result), content)

    def compare_stamps(
        self,
        file_a: File,
        file_b: File,
        page_a: _Page = None,
        stamp_a: _Number = 1,
        page_b: _Page = None,
        stamp_b: _Number = 1,
        pictures: _Pictures = False,
    ) -> Annotated[CallToolResult, answers.Compared]:
        """Judge whether two stamps come from one die: same, different, or that it cannot be told, and why.

        Each is a stamp on a page of a document, or a picture of one stamp. The picture shows both, and both laid over
        each other: dark is ink of both, green places agree, red places cannot be of one die. No verdict is proof.
        """
        with self.alone():
            a, b = self._crop(file_a, page_a, stamp_a), self._crop(file_b, page_b, stamp_b)
            result = self.engine.compare(a, b, by_vectors=False, prior=None)
            both = verdicts.side_by_side(decode_image(a), decode_image(b), result) if pictures else None
        names = (_name(file_a, page_a, stamp_a), _name(file_b, page_b, stamp_b))
        content = [] if both is None else [*captioned("a, b, and both laid over each other", both, max(both.shape))]
        return _answer(answers.compared(result), content, verdicts.sentence(*names, result))

    def _look(self, file: str, data: bytes, pages: str) -> tuple[answers.Found, str]:
        """What is on the first pages of those that were asked for, and those with stamps, as a selection."""
        options = Options(include_vectors=False, pages=pages, password=self.password)
        looked, results = self._pages(file, data, options)
        return looked, ",".join(str(page.index + 1) for page in results if page.stamps)

    def _pages(
        self, file: str, data: bytes, options: Options, enough: float = math.inf
    ) -> tuple[answers.Found, list[PageResult]]:
        """The first pages of those that were asked for, until there are `enough` stamps."""
        stream = self.engine.pages(data, options)
        looked: list[PageResult] = []
        next_pages = ""
        warnings: Sequence[str] = ()
        try:
            while True:
                page = next(stream)
                if len(looked) == MOST_PAGES or sum(len(each.stamps) for each in looked) >= enough:
                    next_pages = after(options.pages, looked[-1].index)
                    break
                looked.append(page)
        except StopIteration as end:
            warnings = end.value
        finally:
            stream.close()
        return answers.found(file, looked, next_pages, warnings), looked

    def _crop(self, file: str, page: int | None, stamp: int) -> bytes:
        place = None if page is None else Place(page, stamp)
        return crop_bytes(Source(file, file, place), self.roots.read(file), self.engine, self.password)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """ToolError, which is told to the assistant, for every error that is one of words."""
        with self._lock:
            try:
                yield
            except Stamp2vecError as error:
                raise ToolError(str(error)) from error


def _answer(
    answer: answers.Found | answers.Compared, pictures: Sequence[Content] = (), text: str = ""
) -> CallToolResult:
    written = text if isinstance(answer, answers.Compared) else "\n".join(answers.lines(answer))
    return CallToolResult(
        content=[TextContent(type="text", text=written), *pictures], structured_content=answer.model_dump(mode="json")
    )


def _name(file: str, page: int | None, stamp: int) -> str:
    return file if page is None else f"{file} page {page} stamp {stamp}"
