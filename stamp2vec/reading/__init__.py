"""The text of a stamp made straight: rings unrolled, lines deskewed."""

from stamp2vec.reading.straightening import straighten
from stamp2vec.reading.unrolling import find_places, unroll

__all__ = ["find_places", "straighten", "unroll"]
