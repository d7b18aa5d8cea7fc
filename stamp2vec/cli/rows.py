"""The results of analyze as JSON, for programs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stamp2vec.values import DocumentResult, PageResult, Stamp


@dataclass(frozen=True, slots=True)
class StampFiles:
    """The paths of the files that were written for a stamp; None for one that was not."""

    crop: str | None = None
    mask: str | None = None


def page_json(
    name: str, page: PageResult, result: DocumentResult, files: Sequence[StampFiles], *, include_vectors: bool
) -> str:
    """One page of a file as a JSON object; `files` has an entry a stamp of the page."""
    row: dict[str, object] = {
        "file": name,
        "page": page.index,
        "width": page.width,
        "height": page.height,
        "stamps": [_stamp(stamp, written, include_vectors) for stamp, written in zip(page.stamps, files, strict=True)],
    }
    if include_vectors:
        row["models"] = [model.reference for model in result.models]
    return json.dumps(row)


def rounded(value: float, digits: int) -> float:
    """A number as the contract has it, a float32, so that it prints the same from this process and from a gateway."""
    return round(float(np.float32(value)), digits)


def _stamp(stamp: Stamp, files: StampFiles, include_vectors: bool) -> dict[str, object]:
    row: dict[str, object] = {
        "box": [rounded(edge, 3) for edge in stamp.box],
        "score": rounded(stamp.score, 6),
        "type": stamp.type,
        "angle_degrees": rounded(stamp.angle_degrees, 1),
        "ink_colour": stamp.ink_colour,
    }
    if files.crop is not None or files.mask is not None:
        row["crop_box"] = list(stamp.crop_box)
    if files.crop is not None:
        row["crop"] = files.crop
    if files.mask is not None:
        row["mask"] = files.mask
    if include_vectors and stamp.vector is not None:
        row["die_group"] = stamp.die_group
        row["vector"] = [round(number, 6) for number in stamp.vector.tolist()]
    return row
