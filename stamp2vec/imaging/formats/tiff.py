"""TIFF: pages are a chain, and behind a broken link there is none."""

from PIL import ImageFile

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats.limits import Limits
from stamp2vec.imaging.formats.raster import reason


def seek(file: ImageFile.ImageFile, index: int, field: str) -> bool:
    """Go to a page; False when there is none. Raises InvalidImage when the way to it is damaged."""
    try:
        file.seek(index)
    except EOFError:
        return False
    except Exception as error:
        message = f"page {index + 1} and all after it are damaged ({reason(error)}): save the file again"
        raise InvalidImage(message, field) from error
    return True


def check_page_count(file: ImageFile.ImageFile, limits: Limits, field: str) -> None:
    """InvalidImage when there are too many pages; follows the chain no further than that."""
    try:
        has_more = seek(file, limits.max_pages, "")
    except InvalidImage:  # reported with the page at which the chain is broken
        return
    if has_more:
        raise InvalidImage(f"the file has more than {limits.max_pages} pages: split it", field)
