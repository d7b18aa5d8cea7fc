"""A stamp that is named by its place in a document, as the PNG file of its crop."""

import io

from PIL import Image

from stamp2vec.cli.engine import Engine
from stamp2vec.cli.sources import Place, Source
from stamp2vec.document.options import Options
from stamp2vec.errors import InvalidInput, Stamp2vecError
from stamp2vec.values import DocumentResult


def crop_bytes(source: Source, data: bytes, engine: Engine, password: str | None) -> bytes:
    """The file that a command for crops gets: the file itself, or the stamp of its place.

    InvalidInput, with what there is instead, when the document has no such page or stamp.
    """
    if source.place is None:
        return data
    place = source.place
    options = Options(include_vectors=False, include_crops=True, pages=str(place.page), password=password)
    (page,) = _analyzed(engine, data, options).pages
    if page.error is not None:
        raise page.error
    number = place.stamp or 1
    if number > len(page.stamps):
        raise InvalidInput(_instead(place, len(page.stamps), engine, data, password))
    crop = page.stamps[number - 1].crop
    if crop is None:
        raise InvalidInput("the gateway sends no crops: upgrade it")
    file = io.BytesIO()
    Image.fromarray(crop).save(file, "PNG")
    return file.getvalue()


def _instead(place: Place, stamps: int, engine: Engine, data: bytes, password: str | None) -> str:
    if stamps:
        known = "one stamp: ask for stamp=1" if stamps == 1 else f"{stamps} stamps: ask for stamp=1 to stamp={stamps}"
        return f"page {place.page} has {known}"
    result = _analyzed(engine, data, Options(include_vectors=False, password=password))
    others = [str(page.index + 1) for page in result.pages if page.stamps]
    if not others:
        return "no page has a stamp: name another file"
    return f"page {place.page} has no stamp: there are some on page {', '.join(others)}"


def _analyzed(engine: Engine, data: bytes, options: Options) -> DocumentResult:
    ((_, result),) = engine.analyze([("document", data)], options)
    if isinstance(result, Stamp2vecError):
        raise result
    return result
