"""Files without their stamps: each format keeps all else that is in a file, and its pixels elsewhere bit for bit."""

from stamp2vec.erasing.files import open_eraser
from stamp2vec.erasing.marks import Eraser, Mark, Result

__all__ = ["Eraser", "Mark", "Result", "open_eraser"]
