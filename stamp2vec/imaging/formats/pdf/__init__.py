"""PDF, read by PDFium: a scanned page at the pixels of its scan, any other page drawn as large as the models need."""

from stamp2vec.imaging.formats.pdf.header import find_header
from stamp2vec.imaging.formats.pdf.reader import PdfReader

__all__ = ["PdfReader", "find_header"]
