"""Runs from and to an object store: a real server with the API of S3, and several machines that share the work."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars
import pytest
from pyarrow import fs

from stamp2vec.cli import main, stores
from stamp2vec.cli.bulk import INDEX_VARIABLE
from tests.conftest import ROOT, require
from tests.library.conftest import page_image
from tests.library.standin import StandIn

SHARDS = 3
FILES = 24


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """host:port of the server."""
    program = require(ROOT / "build/s3/bin/moto_server", "make build/s3/bin/moto_server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], stdout=quiet, stderr=quiet)
    deadline_s = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            assert time.monotonic() < deadline_s
            assert process.poll() is None
            time.sleep(0.05)
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.wait()


@pytest.fixture
def bucket(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a bucket with documents in two levels, as the environment lets pyarrow find it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{address}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    name = f"scans-{tmp_path.name.replace('_', '-').lower()[-40:]}"
    server = fs.S3FileSystem(endpoint_override=address, scheme="http", allow_bucket_creation=True)
    server.create_dir(name)
    for number in range(FILES):
        page_image(number, 120, 160).save("page.png")
        stores.upload(Path("page.png"), f"s3://{name}/in/{'deep/' if number % 2 else ''}{number:02}.png")
    return name


def test_files_are_listed_and_read_whatever_their_names(bucket: str) -> None:
    Path("any").write_bytes(b"bytes")
    odd = f"s3://{bucket}/odd/a b#page=1?x=1%20é.pdf"
    stores.upload(Path("any"), odd)
    stores.upload(Path("any"), f"s3://{bucket}/odd/deep/b.pdf")
    assert list(stores.files(f"s3://{bucket}/odd/", recursive=False)) == [odd]
    assert list(stores.files(f"s3://{bucket}/odd", recursive=True)) == [odd, f"s3://{bucket}/odd/deep/b.pdf"]
    assert list(stores.files(odd, recursive=False)) == [odd]
    assert (stores.read(odd, 100), stores.read(odd, 3)) == (b"bytes", b"byt")
    assert stores.exists(odd)
    assert not stores.exists(f"s3://{bucket}/odd")


def test_commands_take_addresses(bucket: str, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = [f"s3://{bucket}/in/02.png", f"s3://{bucket}/in", f"s3://{bucket}/none", f"s3://{bucket}/in/none.png"]
    assert main(["find", *typed, "--json"]) == 1
    captured = capsys.readouterr()
    names = [json.loads(line)["file"] for line in captured.out.splitlines()]
    assert names == [typed[0], *(f"s3://{bucket}/in/{number:02}.png" for number in range(0, FILES, 2))]
    assert f"s3://{bucket}/none: cannot be listed (nothing is there): name what can be read" in captured.err


def shard(bucket: str, gateway: StandIn, index: int, *options: str) -> list[str]:
    return [
        *("find", f"s3://{bucket}/in", "--recursive", "--gateway", gateway.address, "--jobs", "2"),
        *("--out", f"s3://{bucket}/out/r.parquet", "--shard", f"{index}/{SHARDS}", *options),
    ]


def part(bucket: str, index: int) -> str:
    return f"s3://{bucket}/out/r-{index:05}-of-{SHARDS:05}.parquet"


def table(address: str) -> polars.DataFrame:
    Path("part").write_bytes(stores.read(address, 2**30))
    return polars.read_parquet("part")


def test_the_parts_of_all_machines_are_the_whole(
    bucket: str, gateway: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["find", f"s3://{bucket}/in", "--recursive", "--gateway", gateway.address, "--out", "r.parquet"]) == 0
    whole = polars.read_parquet("r.parquet")
    for index in range(SHARDS):
        monkeypatch.setenv(INDEX_VARIABLE, str(index))
        typed = shard(bucket, gateway, index)
        at = typed.index("--shard")
        assert main([*typed[:at], "--shards", str(SHARDS), *typed[at + 2 :]]) == 0
    parts = [table(part(bucket, index)) for index in range(SHARDS)]
    assert all(len(each) for each in parts)
    assert polars.concat(parts).sort("file", "page", "stamp").equals(whole.sort("file", "page", "stamp"))
    assert whole["file"].n_unique() == FILES
    assert whole["file"].unique().sort().to_list() == sorted(set().union(*(set(each["file"]) for each in parts)))


def test_an_index_that_is_tried_again_loses_and_repeats_nothing(bucket: str, gateway: StandIn, tmp_path: Path) -> None:
    """Its first pod is killed in the middle, its second has another disk, and a third comes when all is done."""
    for index in range(1, SHARDS):
        assert main(shard(bucket, gateway, index)) == 0
    before = len(gateway.requests)
    first = subprocess.Popen([sys.executable, "-m", "stamp2vec.cli", *shard(bucket, gateway, 0, "--resume")])
    deadline_s = time.monotonic() + 60
    while len(gateway.requests) < before + 4:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    gateway.open.clear()
    first.send_signal(signal.SIGKILL)
    first.wait()
    gateway.open.set()
    assert not stores.exists(part(bucket, 0))
    (tmp_path / "other-disk").mkdir()
    os.chdir(tmp_path / "other-disk")
    assert main(shard(bucket, gateway, 0, "--resume")) == 0
    assert os.listdir() == []
    found = polars.concat([table(part(bucket, index)) for index in range(SHARDS)])
    keys = found.select("file", "page", "stamp")
    assert keys.is_duplicated().sum() == 0
    assert found["file"].n_unique() == FILES
    asked = len(gateway.requests)
    assert main(shard(bucket, gateway, 0, "--resume")) == 0
    assert len(gateway.requests) == asked
    assert main(shard(bucket, gateway, 0)) == 2


def test_a_store_that_does_not_answer_ends_the_run(
    bucket: str, gateway: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = shard(bucket, gateway, 0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    stores._store.cache_clear()
    assert main(typed) == 2
    stores._store.cache_clear()
    assert "cannot be written (" in capsys.readouterr().err
