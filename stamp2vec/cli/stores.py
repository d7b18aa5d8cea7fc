"""Object stores by address, such as s3://bucket/folder.

pyarrow reads and writes S3, GCS and Azure by itself, so neither fsspec nor a package for each store is needed. It takes
credentials, region and endpoint from where the tools of each store take them, for example AWS_ENDPOINT_URL.
"""

import posixpath
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from stamp2vec.errors import InvalidInput, MissingExtra

if TYPE_CHECKING:
    from pyarrow import fs

_ADDRESS = re.compile(r"(?P<root>(?P<scheme>[a-z0-9]+)://[^/]+)/*(?P<key>.*)", re.DOTALL)
_SCHEMES = ("s3", "gs", "gcs", "abfs", "abfss")


def is_address(text: str) -> bool:
    """Whether it is an address of a store, and no path."""
    found = _ADDRESS.fullmatch(text)
    return found is not None and found["scheme"] in _SCHEMES


def files(address: str, *, recursive: bool) -> Iterator[str]:
    """The address itself where it is that of a file, else those of the files below it, each folder's by name.

    A folder at a time is in memory. OSError when the store does not answer; FileNotFoundError when nothing is there.
    """
    store, path = _opened(address)
    from pyarrow import fs

    info = store.get_file_info(path)
    if info.type == fs.FileType.File:
        yield address
    elif info.type == fs.FileType.Directory:
        yield from _below(store, path, address.rstrip("/"), recursive=recursive)
    else:
        raise FileNotFoundError("nothing is there")


def read(address: str, most: int) -> bytes:
    """The first bytes of a file, `most` of them at most. OSError when it cannot be read."""
    store, path = _opened(address)
    with store.open_input_stream(path) as stream:
        parts, left = [], most
        while left and (part := stream.read(left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)


def exists(address: str) -> bool:
    """Whether a file has this address. OSError when the store does not answer."""
    store, path = _opened(address)
    from pyarrow import fs

    return bool(store.get_file_info(path).type == fs.FileType.File)


def upload(file: Path, address: str) -> None:
    """Copies a file to the store, where it appears once all of it is there. OSError when that fails."""
    store, path = _opened(address)
    with file.open("rb") as source, store.open_output_stream(path) as target:
        while part := source.read(2**23):
            target.write(part)


def _below(store: "fs.FileSystem", folder: str, address: str, *, recursive: bool) -> Iterator[str]:
    from pyarrow import fs

    for info in sorted(store.get_file_info(fs.FileSelector(folder)), key=lambda info: info.base_name):
        name = f"{address}/{info.base_name}"
        if info.type == fs.FileType.File:
            yield name
        elif recursive and info.type == fs.FileType.Directory:
            yield from _below(store, info.path, name, recursive=True)


def _opened(address: str) -> "tuple[fs.FileSystem, str]":
    """The store and the path in it. InvalidInput for an address that pyarrow does not understand."""
    found = _ADDRESS.fullmatch(address)
    assert found is not None  # noqa: S101 - `is_address` was asked before
    store, root = _store(found["root"])
    return store, posixpath.join(root, found["key"].rstrip("/")).rstrip("/")


@lru_cache(maxsize=16)  # a store may be asked for its region each time
def _store(root: str) -> "tuple[fs.FileSystem, str]":
    try:
        from pyarrow import fs
    except ImportError as error:
        raise MissingExtra("reading an object store", "bulk", error) from error
    try:
        store, path = fs.FileSystem.from_uri(root)
    except ValueError as error:  # keys are never part of it: they may have characters that an URI has not
        raise InvalidInput(f"{root} is no address of a store ({error}): name one such as s3://bucket/folder") from error
    return store, path
