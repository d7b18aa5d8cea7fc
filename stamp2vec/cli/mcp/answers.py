"""What the tools answer: values with a schema, and the same in a few lines of text."""

from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import BaseModel, Field

from stamp2vec.cli.report import counted
from stamp2vec.cli.rows import rounded, text_row
from stamp2vec.cli.tables import place, text_lines
from stamp2vec.texts import StampText
from stamp2vec.values import Comparison, DocumentResult, PageResult, Stamp

MOST_STAMPS = 100
_MOST_PAIRS = 30
_MOST_LETTERS = 300


class FoundStamp(BaseModel):
    """A stamp on a page."""

    stamp: int = Field(description="its number on the page, from 1, best first")
    place: str = Field(description="its outline, and where on the page it is")
    score: float = Field(description="0 to 1")
    ink_colour: str | None
    rotation_degrees: float = Field(description="clockwise from upright")
    box: list[float] = Field(description="x1, y1, x2, y2 in pixels of the page")
    size_mm: list[float] | None = Field(description="width and height on paper, where the resolution is known")


class FoundPage(BaseModel):
    """A page that has stamps, or of which there is something to say."""

    page: int = Field(description="from 1")
    label: str = Field(description="what a PDF calls the page")
    width: int
    height: int
    stamps: Sequence[FoundStamp]
    warnings: list[str] = Field(description="what of the page may be missing")
    error: str = Field(description="why it could not be read")


class Found(BaseModel):
    """The stamps of some pages of a document."""

    file: str
    pages_looked_at: list[int] = Field(description="numbers from 1; pages that are not below have no stamp")
    next_pages: str = Field(description="where more pages follow: the value of `pages` for the next call")
    stamp_count: int
    pages: Sequence[FoundPage]
    warnings: list[str] = Field(description="what is wrong with the file as a whole")


class ReadStamp(FoundStamp):
    """A stamp, and what it says."""

    text: StampText = Field(description="boxes of lines are in pixels of the page; no lines where nothing was read")


class ReadPage(FoundPage):
    """A page with the texts of its stamps."""

    stamps: Sequence[ReadStamp]


class Read(Found):
    """The same, and what each stamp says."""

    pages: Sequence[ReadPage]


class Pair(BaseModel):
    """Two stamps."""

    a: str
    b: str
    similarity: float = Field(description="cosine of their vectors, -1 to 1: one layout, not one die")
    probability: float | None = Field(description="of one die having made both")


class Analyzed(Found):
    """The same, and which of the stamps are alike."""

    dies: list[list[str]] = Field(description="stamps of one die each, as far as their ink shows it")
    pairs: list[Pair] = Field(description="the most alike")


class Compared(BaseModel):
    """A verdict on two stamps."""

    verdict: str = Field(description="same, different, same layout, mirrored, or cannot tell")
    reason: str
    probability: float | None = Field(description="of one die having made both, at the prior")
    prior: float
    similarity: float = Field(description="cosine of their vectors, -1 to 1")
    missing_ink: float | None = Field(description="the share of the ink of a that b lacks")
    added_ink: float | None = Field(description="the share of the ink of b that a lacks")


def found(file: str, pages: Sequence[PageResult], next_pages: str, warnings: Sequence[str]) -> Found:
    """`pages` are all that were looked at."""
    left, told = MOST_STAMPS, []
    for page in pages:
        if page.stamps or page.warnings or page.error:
            told.append(_page(page, page.stamps[:left]))
            left -= len(told[-1].stamps)
    return Found(
        file=file,
        pages_looked_at=[page.index + 1 for page in pages],
        next_pages=next_pages,
        stamp_count=sum(len(page.stamps) for page in pages),
        pages=told,
        warnings=list(map(cut, warnings)),
    )


def read(looked: Found, pages: Sequence[PageResult]) -> Read:
    """`pages` are those that were looked at, with texts."""
    texts = {page.index + 1: [stamp.text or StampText(()) for stamp in page.stamps] for page in pages}
    return Read(**{**dict(looked), "pages": [_read_page(page, texts[page.page]) for page in looked.pages]})


def _read_page(page: FoundPage, texts: Sequence[StampText]) -> ReadPage:
    rows = [{**dict(stamp), "text": text_row(text)} for stamp, text in zip(page.stamps, texts)]
    return ReadPage.model_validate({**dict(page), "stamps": rows})


def analyzed(looked: Found, result: DocumentResult) -> Analyzed:
    """`result` is of the pages with stamps among those that were looked at."""
    names = [f"page {page.index + 1} stamp {number}" for page in result.pages for number in _numbers(page)]
    groups = [stamp.die_group for page in result.pages for stamp in page.stamps]
    dies = [
        [name for name, group in zip(names, groups, strict=True) if group == die] for die in sorted({*groups} - {0})
    ]
    return Analyzed(**dict(looked), dies=[each for each in dies if len(each) > 1], pairs=list(_pairs(names, result)))


def compared(result: Comparison) -> Compared:
    """The verdict without its picture."""
    overlay = result.overlay
    return Compared(
        verdict=result.verdict,
        reason=result.reason,
        probability=None if result.probability is None else rounded(result.probability, 4),
        prior=rounded(result.prior, 4),
        similarity=rounded(result.similarity, 4),
        missing_ink=None if overlay is None else rounded(overlay.missing_ink, 3),
        added_ink=None if overlay is None else rounded(overlay.added_ink, 3),
    )


def lines(answer: Found) -> Iterator[str]:
    """For the assistant to read."""
    looked = counted(len(answer.pages_looked_at), "page")
    yield f"{answer.file}: {counted(answer.stamp_count, 'stamp')} found on {looked}"
    for page in answer.pages:
        label = f" ({page.label})" if page.label not in ("", str(page.page)) else ""
        stamps = "; ".join(f"{each.stamp} {each.place}, score {each.score:.2f}" for each in page.stamps)
        yield f"page {page.page}{label}: {page.error or stamps or 'no stamp'}"
        for stamp in page.stamps:
            if isinstance(stamp, ReadStamp):
                yield f"page {page.page} stamp {stamp.stamp} says:"
                yield from (f"  {line}" for line in text_lines(stamp.text))
        yield from (f"page {page.page} warning: {warning}" for warning in page.warnings)
    yield from (f"warning: {warning}" for warning in answer.warnings)
    if sum(len(page.stamps) for page in answer.pages) < answer.stamp_count:
        yield f"only the first {MOST_STAMPS} stamps are listed: ask for fewer pages"
    if isinstance(answer, Analyzed):
        yield from (f"of one die: {', '.join(die)}" for die in answer.dies)
        for pair in answer.pairs[:5]:
            chance = "" if pair.probability is None else f", probability of one die {pair.probability:.2f}"
            yield f"{pair.a} and {pair.b}: similarity {pair.similarity:.2f}{chance}"
    if answer.next_pages:
        yield f"more pages follow: call again with pages {answer.next_pages!r}"


def _page(page: PageResult, stamps: Sequence[Stamp]) -> FoundPage:
    return FoundPage(
        page=page.index + 1,
        label=cut(page.label),
        width=page.width,
        height=page.height,
        stamps=[_stamp(number, stamp, page) for number, stamp in enumerate(stamps, 1)],
        warnings=list(map(cut, page.warnings)),
        error="" if page.error is None else cut(str(page.error)),
    )


def _stamp(number: int, stamp: Stamp, page: PageResult) -> FoundStamp:
    size = None if stamp.width_mm is None else [rounded(stamp.width_mm, 1), rounded(stamp.height_mm or 0.0, 1)]
    return FoundStamp(
        stamp=number,
        place=place(stamp, page),
        score=rounded(stamp.score, 3),
        ink_colour=stamp.ink_colour,
        rotation_degrees=rounded(stamp.angle_degrees, 0),
        box=[rounded(edge, 1) for edge in stamp.box],
        size_mm=size,
    )


def _pairs(names: Sequence[str], result: DocumentResult) -> Iterator[Pair]:
    rows, columns = np.triu_indices(len(names), 1)
    probability = result.probability
    by = result.similarity if probability is None else probability
    for index in np.argsort(-by[rows, columns], kind="stable")[:_MOST_PAIRS]:
        row, column = rows[index], columns[index]
        yield Pair(
            a=names[row],
            b=names[column],
            similarity=rounded(result.similarity[row, column], 4),
            probability=None if probability is None else rounded(probability[row, column], 4),
        )


def _numbers(page: PageResult) -> range:
    return range(1, len(page.stamps) + 1)


def cut(text: str) -> str:
    """The beginning of a text that a document, or an error about it, may have made long."""
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}..."
