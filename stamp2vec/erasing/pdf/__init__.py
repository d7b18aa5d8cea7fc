"""PDF files without stamps: the picture that shows a stamp is replaced, an annotation removed, all else kept."""

from stamp2vec.erasing.pdf.eraser import PdfEraser

__all__ = ["PdfEraser"]
