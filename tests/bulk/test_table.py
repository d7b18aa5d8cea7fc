"""The table, as the programs see it that people read it with."""

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars
import pyarrow.parquet

from stamp2vec.cli.bulk.journal import FileRecords
from stamp2vec.cli.bulk.table import COLUMNS, ROW_GROUP, Row, rows, write_jsonl, write_parquet
from stamp2vec.cli.bulk.worker import record
from stamp2vec.errors import InvalidImage
from stamp2vec.values import InkColour, PageResult, Resolution, Stamp, StampType

VECTOR = np.random.default_rng(0).normal(size=8).astype(np.float32)
STAMP = Stamp((1, 2, 3, 4), 0.9, StampType.OVAL, 30, InkColour.RED, (0, 0, 5, 5), VECTOR, None, None, width_mm=20.04)
PAGES = (
    PageResult(0, 300, 200, (STAMP, STAMP), None, Resolution(300, 150), "i", ("faint: scan it again",)),
    PageResult(1, 300, 200, (), None),
    PageResult(2, 0, 0, (), InvalidImage("damaged: save it again")),
)
FILES = (("a.pdf", None, ("repaired: compare it",), PAGES), ("b.pdf", "not a file: send one", (), ()))


def table() -> list[Row]:
    files = (FileRecords(name, error, warnings, map(record, pages)) for name, error, warnings, pages in FILES)
    return [row for file in files for row in rows(file, "tvae@1")]


def test_a_row_a_stamp_a_page_without_one_and_an_error() -> None:
    found = [(row["file"], row["page"], row["stamp"], row["status"], row["error"]) for row in table()]
    assert found == [
        ("a.pdf", 0, 0, "ok", None),
        ("a.pdf", 0, 1, "ok", None),
        ("a.pdf", 1, None, "ok", None),
        ("a.pdf", 2, None, "error", "damaged: save it again"),
        ("b.pdf", None, None, "error", "not a file: send one"),
    ]
    assert all(tuple(row) == COLUMNS for row in table())
    first, _, second, *_ = table()
    assert first["warnings"] == ["repaired: compare it", "faint: scan it again"]
    assert second["warnings"] == ["repaired: compare it"]


def written(folder: Path, vector_size: int = 8) -> Path:
    write_parquet(folder / "r.parquet", table(), vector_size, {"stamp2vec.version": '"1"'})
    return folder / "r.parquet"


def test_duckdb_reads_it(tmp_path: Path) -> None:
    path = str(written(tmp_path))

    def query(text: str) -> list[Any]:
        return duckdb.execute(text, [path]).fetchall()

    assert query("SELECT count(*), count(stamp) FROM read_parquet($1)") == [(5, 2)]
    assert query("SELECT DISTINCT file FROM read_parquet($1) WHERE status = 'error' ORDER BY 1") == [
        ("a.pdf",),
        ("b.pdf",),
    ]
    ((similarity,),) = query(
        "SELECT array_cosine_similarity(a.vector::FLOAT[8], b.vector::FLOAT[8]) FROM read_parquet($1) a, "
        "read_parquet($1) b WHERE a.stamp = 0 AND b.stamp = 1"
    )
    assert abs(similarity - 1) < 1e-6
    assert query("SELECT dpi_x, dpi_y, round(width_mm, 1), page_label FROM read_parquet($1) WHERE stamp = 0") == [
        (300, 150, 20, "i")
    ]


def test_polars_reads_it(tmp_path: Path) -> None:
    frame = polars.read_parquet(written(tmp_path))
    assert frame.columns == list(COLUMNS)
    assert frame.schema["vector"] == polars.Array(polars.Float32, 8)
    stamps = frame.filter(polars.col("stamp").is_not_null())
    np.testing.assert_array_equal(stamps["vector"].to_numpy(), np.stack([VECTOR, VECTOR]))
    assert frame["type"].cast(polars.String).to_list() == ["oval", "oval", None, None, None]


def test_without_vectors_there_is_no_column(tmp_path: Path) -> None:
    assert polars.read_parquet(written(tmp_path, 0)).columns == list(COLUMNS[:-1])


def test_it_says_what_it_was_made_with_and_comes_in_groups(tmp_path: Path) -> None:
    many = [dict(row) for row in table() for _ in range(ROW_GROUP // 4)]
    write_parquet(tmp_path / "many.parquet", iter(many), 8, {"stamp2vec.version": '"1"'})
    file = pyarrow.parquet.ParquetFile(tmp_path / "many.parquet")
    assert file.schema_arrow.metadata[b"stamp2vec.version"] == b'"1"'
    assert (file.metadata.num_row_groups, file.metadata.num_rows) == (2, len(many))


def test_json_lines_have_the_same_rows(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "r.jsonl", table())
    found = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [tuple(row) for row in found] == [COLUMNS] * 5
    np.testing.assert_allclose(found[0].pop("vector"), VECTOR, atol=1e-6)
    assert found[2] == table()[2]
