"""PDFium itself: the lock around it, and a document that it has open."""

import ctypes
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import pypdfium2.raw as pdfium

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats.page import NoRoom
from stamp2vec.imaging.formats.raster import TOO_LARGE_FOR_MEMORY, reason

# Two threads in PDFium at once end the process, whatever their documents. Reentrant, for the garbage collector may
# close a reader in the middle of a call of the same thread.
LOCK = threading.RLock()

_READ = dict(pdfium.FPDF_FILEACCESS._fields_)["m_GetBlock"]


class LoadError(Exception):
    """PDFium's refusal of a file; `code` is one of FPDF_ERR_*."""

    def __init__(self, code: int) -> None:
        super().__init__(f"PDFium's error {code}")
        self.code = code


class Document:
    """A document that is open in PDFium, with its forms. Each method is called with LOCK held."""

    def __init__(self, file: BinaryIO, start: int, size: int, password: str | None) -> None:
        """Opens `size` bytes from `start` on. Raises LoadError."""
        self._access = pdfium.FPDF_FILEACCESS(m_FileLen=size, m_GetBlock=_READ(_block_reader(file, start)))
        self.handle: Any = pdfium.FPDF_LoadCustomDocument(
            self._access, None if password is None else password.encode("utf-8", "replace")
        )
        if not self.handle:
            raise LoadError(pdfium.FPDF_GetLastError())
        # Before any page is loaded: the fields of a page that was loaded earlier are never drawn. pypdfium2's own
        # init_forms() refuses a document without /AcroForm, whose fields viewers show all the same; PDFium does not.
        self._form_info = pdfium.FPDF_FORMFILLINFO(version=2)
        self.forms: Any = pdfium.FPDFDOC_InitFormFillEnvironment(self.handle, self._form_info)
        if self.forms:
            pdfium.FPDF_SetFormFieldHighlightAlpha(self.forms, 0)
        # Also for a reader that nobody closed. What PDFium calls and reads has to live as long as the document.
        self._close = weakref.finalize(self, _free, self.handle, self.forms, self._access, self._form_info)

    @contextmanager
    def page(self, index: int) -> Iterator[Any]:
        """A page that is loaded as long as the context lasts, None when it cannot be."""
        page = pdfium.FPDF_LoadPage(self.handle, index)
        if not page:
            yield None
            return
        if self.forms:
            pdfium.FORM_OnAfterLoadPage(page, self.forms)
        try:
            yield page
        finally:
            if self.forms:
                pdfium.FORM_OnBeforeClosePage(page, self.forms)
            pdfium.FPDF_ClosePage(page)

    def close(self) -> None:
        """Frees all that PDFium holds; again, it does nothing."""
        self._close()
        self.forms = self.handle = None


def _free(document: Any, forms: Any, *_: Any) -> None:
    with LOCK:
        if forms:
            pdfium.FPDFDOC_ExitFormFillEnvironment(forms)
        pdfium.FPDF_CloseDocument(document)


def _block_reader(file: BinaryIO, start: int) -> Callable[[Any, int, Any, int], int]:
    def read(_: Any, position: int, buffer: Any, size: int) -> int:
        try:  # an exception would be printed by ctypes, and lost
            file.seek(start + position)
            target = memoryview((ctypes.c_ubyte * size).from_address(ctypes.addressof(buffer.contents))).cast("B")
            data = file.read(size)
            target[: len(data)] = data
            return int(len(data) == size)
        except Exception:
            return 0

    return read


def text_of(call: Callable[..., int], *arguments: Any, encoding: str = "utf-16-le") -> str:
    """What a function of PDFium writes into a buffer whose size in bytes it tells; at most 1,000 characters of it."""
    size = call(*arguments, None, 0)
    if size <= 0 or size > 2**20:
        return ""
    buffer = (ctypes.c_char * size)()
    call(*arguments, ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)) if encoding != "utf-8" else buffer, size)
    return bytes(buffer).decode(encoding, "replace").rstrip("\0")[:1000]


@contextmanager
def errors_of(what: str, field: str) -> Iterator[None]:
    """Makes an InvalidImage of anything that hostile bytes may raise in ctypes, numpy, or a decoder."""
    try:
        yield
    except (InvalidImage, NoRoom):
        raise
    except MemoryError as error:
        raise InvalidImage(TOO_LARGE_FOR_MEMORY, field) from error
    except Exception as error:
        raise InvalidImage(f"{what} cannot be read ({reason(error)}): save the PDF again", field) from error
