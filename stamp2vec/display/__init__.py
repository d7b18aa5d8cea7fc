"""Results as a person sees them in a notebook: HTML without scripts, of bounded size, that needs no other file."""

from stamp2vec.display.comparison import comparison_html
from stamp2vec.display.document import MOST_PAGES, MOST_STAMPS, PAGE_PX, document_html, likeness_html, page_html
from stamp2vec.display.markup import jpeg
from stamp2vec.display.overlay import overlaid

__all__ = [
    "MOST_PAGES",
    "MOST_STAMPS",
    "PAGE_PX",
    "comparison_html",
    "document_html",
    "jpeg",
    "likeness_html",
    "overlaid",
    "page_html",
]
