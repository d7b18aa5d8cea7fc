"""The table that a run ends in: a row for each stamp, each page without one, and each file that failed."""

import base64
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stamp2vec.cli.bulk.journal import FileRecords
from stamp2vec.errors import MissingExtra

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]

ROW_GROUP = 4096

_STAMP = ("score", "type", "angle_degrees", "ink_colour", "source", "width_mm", "height_mm", "box_points")
COLUMNS = (
    *("file", "page", "page_label", "status", "error", "warnings", "width", "height", "dpi_x", "dpi_y", "stamp"),
    *("x1", "y1", "x2", "y2", *_STAMP, "model", "vector"),
)
"""In this order. Pages and stamps count from 0; a page without stamps has no `stamp`, a file that failed no `page`."""


def rows(file: FileRecords, model: str | None) -> Iterator[Row]:
    """The rows of a file, in order, each with all COLUMNS; `model` is that of the vectors, None without any."""
    for record in file.pages:
        yield from _page_rows(file, json.loads(record), model)
    if file.error is not None:
        yield _row(file=file.name, status="error", error=file.error, warnings=list(file.warnings))


def _page_rows(file: FileRecords, page: Row, model: str | None) -> Iterator[Row]:
    of_page = {
        "file": file.name,
        "page": page["page"],
        "page_label": page["label"],
        "status": "ok" if page["error"] is None else "error",
        "error": page["error"],
        "warnings": [*file.warnings, *page["warnings"]],
        "width": page["width"] or None,  # of a page that could not be read
        "height": page["height"] or None,
    }
    of_page["dpi_x"], of_page["dpi_y"] = page["resolution"] or (None, None)
    if not page["stamps"]:
        yield _row(**of_page)
    for number, stamp in enumerate(page["stamps"]):
        row = _row(**of_page, stamp=number, **{name: stamp[name] for name in _STAMP})
        row["x1"], row["y1"], row["x2"], row["y2"] = stamp["box"]
        if "vector" in stamp:
            row["model"], row["vector"] = model, np.frombuffer(base64.b64decode(stamp["vector"]), "<f4")
        yield row


def _row(**values: object) -> Row:
    return dict.fromkeys(COLUMNS) | values


def write_jsonl(path: Path, table: Iterable[Row]) -> None:
    """A JSON object a line. OSError as usual."""
    with path.open("w", encoding="utf-8") as file:
        for row in table:
            if row["vector"] is not None:
                row["vector"] = [round(number, 6) for number in row["vector"].tolist()]
            file.write(json.dumps(row) + "\n")


def write_parquet(path: Path, table: Iterable[Row], vector_size: int, metadata: dict[str, str]) -> None:
    """A row group at a time, since a Parquet file cannot be appended to. OSError as usual.

    Vectors are fixed-size lists of float32, which polars reads as an Array and DuckDB casts to FLOAT[n]; without any
    (`vector_size` 0) the column is missing.
    """
    pa, parquet = _pyarrow()
    schema = _schema(pa, vector_size).with_metadata(metadata)
    waiting = iter(table)
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(waiting, ROW_GROUP)):
            writer.write_table(pa.Table.from_pylist(group, schema))


def require_parquet() -> None:
    """MissingExtra where it cannot be written: to be asked before the work, not after it."""
    _pyarrow()


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("writing Parquet", "bulk", error) from error
    return pyarrow, parquet


def _schema(pa: Any, vector_size: int) -> "pa.Schema":
    words = pa.dictionary(pa.int32(), pa.string())
    types = {name: pa.float32() for name in COLUMNS}
    types |= dict.fromkeys(("file", "page_label", "error"), pa.string())
    types |= dict.fromkeys(("page", "width", "height", "stamp"), pa.int32())
    types |= dict.fromkeys(("status", "type", "ink_colour", "source", "model"), words)
    types |= {"warnings": pa.list_(pa.string()), "box_points": pa.list_(pa.float32(), 4)}
    types["vector"] = pa.list_(pa.float32(), vector_size)
    return pa.schema([(name, types[name]) for name in COLUMNS if name != "vector" or vector_size])
