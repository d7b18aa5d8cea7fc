"""What the stamps of a document take of the response that they are answered in."""

from stamp2vec.document import AnalyzedStamp, Models, Options
from stamp2vec.errors import InvalidInput
from stamp2vec.limits import MAX_MESSAGE_BYTES

_STAMP_BYTES = 128  # for all of a stamp but its vector, text and pictures
_TEXT_BYTES = 4096  # far more than a stamp says
_STRIP_BYTES = 96  # for all of a strip but its pictures
_PICTURES = ("include_erased_page", "include_crops", "include_masks", "include_unrolled", "include_clean_stamps")


def stamp_bytes(stamp: AnalyzedStamp, models: Models) -> int:
    """Bytes of a stamp."""
    vector = 4 * models.embedder.vector_size if models.embedder else 0
    return _STAMP_BYTES + vector + (_TEXT_BYTES if models.reader else 0) + picture_bytes(stamp)


def picture_bytes(stamp: AnalyzedStamp) -> int:
    """Those of its mask and pictures alone."""
    mask, pngs = stamp.stamp.mask, stamp.pngs
    pictures = 0 if pngs is None else pngs.size + _STRIP_BYTES * len(pngs.unrolled)
    return pictures + (0 if mask is None else mask.nbytes)


def too_large(options: Options) -> InvalidInput:
    """The error of a response that cannot be sent: what to leave out."""
    asked = [name for name in _PICTURES if getattr(options, name)]
    advice = " and ".join(f"leave out {name}" for name in asked) or "raise min_score"
    return InvalidInput(
        f"the answer would be larger than {MAX_MESSAGE_BYTES // 2**20} MiB: {advice}, or send fewer pages a call",
        asked[0] if asked else "min_score",
    )
