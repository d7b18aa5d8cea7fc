"""Shards, and the pages that are left of a document."""

import pytest

from stamp2vec.cli.arguments import parse
from stamp2vec.cli.bulk.selection import after
from stamp2vec.cli.bulk.shards import Shard
from stamp2vec.imaging.formats.selection import selected_pages

NAMES = [f"s3://bucket/scans/{number}.pdf" for number in range(1000)]


def test_shards_are_complete_and_disjoint() -> None:
    parts = [[name for name in NAMES if Shard(index, 16).has(name)] for index in range(16)]
    assert sorted(name for part in parts for name in part) == sorted(NAMES)
    assert all(30 < len(part) < 100 for part in parts)


def test_the_shard_of_a_name_never_changes() -> None:
    """Else a table of an earlier release could not be completed by a later one."""
    assert [next(i for i in range(16) if Shard(i, 16).has(name)) for name in NAMES[:8]] == [6, 8, 6, 6, 9, 13, 14, 15]


def test_the_table_of_a_shard_has_a_name_of_its_own() -> None:
    assert Shard(3, 16).of("s3://b/o/results.parquet") == "s3://b/o/results-00003-of-00016.parquet"


@pytest.mark.parametrize(
    ("options", "environment", "shard"),
    [
        (["--shard", "3/16"], {}, Shard(3, 16)),
        (["--shards", "16"], {"JOB_COMPLETION_INDEX": "3"}, Shard(3, 16)),
        ([], {"JOB_COMPLETION_INDEX": "3"}, None),
    ],
)
def test_a_shard_is_typed_or_of_the_environment(
    options: list[str], environment: dict[str, str], shard: Shard | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert parse(["find", "in", "--out", "o.jsonl", *options]).shard == shard


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("find in --resume", "--resume needs --out"),
        ("find in --jobs 2", "--jobs needs --out"),
        ("find in --shard 0/2", "--shard needs --out"),
        ("find in --out o.jsonl --shard 2/2", "'2/2' is no part: choose one such as 0/16 to 15/16"),
        ("find in --out o.jsonl --shard x/2", "'x/2' is no part"),
        ("find in --out o.jsonl --shard 0/0", "'0' is out of range"),
        ("find in --out o.jsonl --shards 2", "--shards 2 needs JOB_COMPLETION_INDEX, 0 to 1: use --shard"),
        ("find in --out o.jsonl --shards 2 --shard 0/2", "not allowed with"),
        ("find in --out o.jsonl --timeout 0", "'0' is out of range"),
        ("find in --out o.jsonl --json", "--json is not for --out"),
        ("analyze in --out o.jsonl --crops c", "--crops is not for --out"),
        ("analyze in --out o.jsonl --prior 0.3", "--prior is not for --out"),
        ("find - --out o.jsonl", "- is not for --out"),
    ],
)
def test_wrong_usage(typed: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(typed.split())
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("pages", "done", "left"),
    [
        ("", None, ""),
        ("1-3,7", None, "1-3,7"),
        ("", 4, "6-"),
        ("1-3,7", 1, "3-3,7"),
        ("1-3,7", 2, "7"),
        (" 2 - 5 , 8- ", 3, "5-5,8-"),
        ("7,1-3", 1, "7,3-3"),
        ("5-", 7, "9-"),
        ("x,2", 3, "x,2"),
    ],
)
def test_pages_after(pages: str, done: int | None, left: str) -> None:
    assert after(pages, done) == left


@pytest.mark.parametrize("pages", ["", "1-3,7", "2,4-6,8-", "9,1", "3-3", "1-10"])
def test_what_is_left_is_all_that_is_not_done(pages: str) -> None:
    chosen = selected_pages(pages, 10)
    for number, done in enumerate(chosen[:-1], 1):
        assert selected_pages(after(pages, done), 10) == chosen[number:]
