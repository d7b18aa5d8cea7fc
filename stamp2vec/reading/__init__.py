"""What stamps say: their text made straight, which of the readings of it holds, dates and numbers."""

from stamp2vec.reading.straightening import straighten
from stamp2vec.reading.unrolling import find_places, unroll

__all__ = ["find_places", "straighten", "unroll"]
