"""The result of a document as files."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from stamp2vec.imaging import BrokenPage, annotate, decode_pages
from stamp2vec.values import DocumentResult, PageResult


def write(document: bytes, name: str, result: DocumentResult, out: Path) -> Iterator[Path]:
    """Writes <name>.json, and <name>.page<k>.png for each page that could be read; yields what it wrote."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.json"
    path.write_text(json.dumps(_as_json(name, result)) + "\n")
    yield path
    number = 0
    for page, found in zip(decode_pages(document), result.pages, strict=True):
        if isinstance(page, BrokenPage):
            continue
        boxes = np.array([stamp.box for stamp in found.stamps], np.float32).reshape(-1, 4) / (page.scale * 2)
        labels = [f"{number + index} {stamp.type}" for index, stamp in enumerate(found.stamps, 1)]
        number += len(boxes)
        path = out / f"{name}.page{page.index + 1}.png"
        picture = annotate(page.image, boxes, [stamp.score for stamp in found.stamps], labels)
        Image.fromarray(picture).save(path)
        yield path


def _as_json(name: str, result: DocumentResult) -> dict[str, object]:
    return {
        "file": name,
        "pages": [_page_as_json(page) for page in result.pages],
        "similarity": result.similarity.round(6).tolist(),
        "probability": None if result.probability is None else result.probability.round(6).tolist(),
        "prior": result.prior,
        "models": [model.reference for model in result.models],
        "milliseconds": {
            stage: round(getattr(result.timing, f"{stage}_ms"), 1)
            for stage in ("decode", "detect", "segment", "embed", "compare", "read", "total")
        },
        "request_id": result.request_id,
    }


def _page_as_json(page: PageResult) -> dict[str, object]:
    return {
        "page": page.index,
        "width": page.width,
        "height": page.height,
        "label": page.label or None,
        "resolution": None if page.resolution is None else [round(page.resolution.x, 2), round(page.resolution.y, 2)],
        "warnings": list(page.warnings),
        "error": None if page.error is None else str(page.error),
        "stamps": [
            {
                "box": [round(edge, 2) for edge in stamp.box],
                "score": round(stamp.score, 4),
                "type": stamp.type,
                "angle_degrees": round(stamp.angle_degrees, 1),
                "ink_colour": stamp.ink_colour,
                "source": stamp.source,
                "box_points": None if stamp.box_points is None else [round(edge, 2) for edge in stamp.box_points],
                "width_mm": None if stamp.width_mm is None else round(stamp.width_mm, 1),
                "height_mm": None if stamp.height_mm is None else round(stamp.height_mm, 1),
                "crop_box": list(stamp.crop_box),
                "die_group": stamp.die_group,
                "vector": [] if stamp.vector is None else [round(float(value), 6) for value in stamp.vector],
            }
            for stamp in page.stamps
        ],
    }
