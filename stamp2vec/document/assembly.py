"""The pages of a document to its result, and which failures end it."""

from collections.abc import Callable, Sequence

from stamp2vec.document.dies import DocumentDies
from stamp2vec.document.models import Models
from stamp2vec.document.options import Options
from stamp2vec.document.placing import page_result
from stamp2vec.document.stamps import AnalyzedPage, in_order
from stamp2vec.errors import InvalidImage
from stamp2vec.values import DocumentResult, Timing


def require_a_page(pages: Sequence[AnalyzedPage]) -> None:
    """The error of the first page when every page failed, and InvalidImage when there is none: these end a document."""
    if not pages:
        raise InvalidImage("the document has no pages: send at least one", "document")
    if all(page.error is not None for page in pages) and pages[0].error is not None:
        raise pages[0].error


def assemble(
    pages: Sequence[AnalyzedPage],
    dies: DocumentDies,
    models: Models,
    options: Options,
    timing: Callable[[], Timing],
    request_id: str = "",
    warnings: tuple[str, ...] = (),
    page_count: int = 0,
) -> DocumentResult:
    """The result of a document, whose pages come in any order; `warnings` and `page_count` are of its file.

    `timing` is called last, so that it has the time of this too.
    """
    ordered = in_order(pages)
    require_a_page(ordered)
    numbers = iter(dies.groups)
    return DocumentResult(
        pages=tuple(page_result(page, tuple(next(numbers) for _ in page.stamps)) for page in ordered),
        similarity=dies.similarity,
        probability=dies.probability,
        prior=None if dies.probability is None else options.known_prior,
        models=models.used(ink_was_compared=dies.ink_was_compared),
        timing=timing(),
        request_id=request_id,
        warnings=warnings,
        page_count=page_count,
    )
