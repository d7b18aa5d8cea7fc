"""TIFF: pages are a chain, and behind a broken link there is none."""

from PIL import ImageFile

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats import raster
from stamp2vec.imaging.formats.limits import Limits
from stamp2vec.imaging.formats.page import Allocate, Page, PageInfo, new_array


class TiffReader:
    """A TIFF file; see Reader. A page at which the chain of pages is broken counts, and is a broken one."""

    warnings: tuple[str, ...] = ()

    def __init__(self, picture: ImageFile.ImageFile, limits: Limits, field: str) -> None:
        """It owns the picture. Follows the chain no further than to the first page that would be one too many."""
        self._picture, self._limits, self._field = picture, limits, field
        self.page_count = 0
        while self.page_count <= limits.max_pages:
            try:
                if not self._seek(self.page_count):
                    break
            except InvalidImage:  # told with the page, when it is read
                self.page_count += 1
                break
            self.page_count += 1

    def read(self, index: int, allocate: Allocate = new_array) -> Page:
        """See Reader."""
        self._seek(index)
        image = raster.decode(self._picture, self._limits, self._field, allocate)
        return Page(index, image, PageInfo(*image.shape[:2]))

    def close(self) -> None:
        """See Reader."""
        self._picture.close()

    def _seek(self, index: int) -> bool:
        """Go to a page; False when there is none. Raises InvalidImage when the way to it is damaged."""
        try:
            self._picture.seek(index)
        except EOFError:
            return False
        except Exception as error:
            message = f"page {index + 1} and all after it are damaged ({raster.reason(error)}): save the file again"
            raise InvalidImage(message, self._field) from error
        return True
