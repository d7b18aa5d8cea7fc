"""What an assistant may have read and written, and what not."""

import os
import resource
import signal
from pathlib import Path

import pytest

from stamp2vec.cli.mcp import roots
from stamp2vec.cli.mcp.roots import Roots, WriteRoot
from stamp2vec.errors import InvalidInput


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A root, and beside it what must not be read."""
    (tmp_path / "secret.pdf").write_bytes(b"secret")
    inside = tmp_path / "root"
    (inside / "deep").mkdir(parents=True)
    (inside / "a.pdf").write_bytes(b"a")
    (inside / "deep" / "b.pdf").write_bytes(b"b")
    (inside / "within").symlink_to("deep/b.pdf")
    (inside / "out.pdf").symlink_to(tmp_path / "secret.pdf")
    (inside / "up").symlink_to("..")
    (tmp_path / "root-of-others").mkdir()
    (tmp_path / "root-of-others" / "c.pdf").write_bytes(b"c")
    return inside


def test_files_below_a_root_are_read(folder: Path, tmp_path: Path) -> None:
    both = Roots([str(folder), str(tmp_path / "root-of-others")])
    for path, expected in {
        "a.pdf": b"a",
        "deep/b.pdf": b"b",
        "deep/../a.pdf": b"a",
        str(folder / "a.pdf"): b"a",
        "within": b"b",  # a link that stays inside
        "c.pdf": b"c",  # of the second root
    }.items():
        assert both.read(path) == expected
    by_link = tmp_path / "link"
    by_link.symlink_to(folder)
    assert Roots([str(by_link)]).read("a.pdf") == b"a"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.pdf",
        "deep/../../secret.pdf",
        "{root}/../secret.pdf",
        "out.pdf",
        "up/secret.pdf",
        "up/root-of-others/c.pdf",
        "/etc/passwd",
        "{root}-of-others/c.pdf",  # its path begins as the root's does
        "../none.pdf",
        "/proc/self/environ",
        "~/.ssh/id_rsa",
    ],
)
def test_nothing_else_is_read(folder: Path, path: str) -> None:
    typed = path.format(root=folder)
    with pytest.raises(InvalidInput) as caught:
        Roots([str(folder)]).read(typed)
    expected = "cannot be read (No such file" if path.startswith("~") else "is in no folder that may be read: name"
    assert expected in str(caught.value)


def test_what_is_no_file_is_refused_and_waits_for_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(folder / "pipe")
    reader = Roots([str(folder)])
    with pytest.raises(InvalidInput, match="pipe is no file"):
        reader.read("pipe")
    with pytest.raises(InvalidInput, match=r"a folder: name a file, of which it has 'a\.pdf', 'out\.pdf'$"):
        reader.read("")
    with pytest.raises(InvalidInput, match=r"it has 'b\.pdf'"):
        reader.read("deep")
    for path, reason in {"none.pdf": "No such file", "a.pdf/b": "Not a directory", "a\0b": "NUL"}.items():
        with pytest.raises(InvalidInput, match=reason):
            reader.read(path)
    with pytest.raises(InvalidInput, match="cannot be read"):
        reader.read("x" * 300)
    monkeypatch.setattr(roots, "MAX_FILE_BYTES", 0)
    with pytest.raises(InvalidInput, match=r"a\.pdf has more than 0 bytes"):
        reader.read("a.pdf")


def test_a_link_that_is_put_in_the_way_meanwhile_is_not_followed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Roots([str(folder)])
    monkeypatch.setattr(os.path, "realpath", os.path.normpath)  # what the path was a moment ago
    for path in ("up/secret.pdf", "out.pdf", "within"):
        with pytest.raises(InvalidInput, match="cannot be read"):
            reader.read(path)
    assert reader.read("a.pdf") == b"a"


def test_a_root_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"--root .*none is no folder"):
        Roots([str(tmp_path / "none")])


def test_a_new_file_is_written_below_the_root(folder: Path) -> None:
    for path in ("new.png", "deep/new.png", "deep/../other.png", str(folder / "by-its-whole-path.png")):
        WriteRoot(str(folder)).new(path).write(path.encode())
        assert (folder / path).read_bytes() == path.encode()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../new.png", "in no folder that may be written to"),
        ("up/new.png", "in no folder that may be written to"),
        ("{root}-of-others/new.png", "in no folder that may be written to"),
        ("", "in no folder that may be written to"),
        ("..", "in no folder that may be written to"),
        ("a.pdf", "is there already"),
        ("out.pdf", "is there already"),
        ("deep", "is there already"),
        ("none/new.png", "in a folder that is not there"),
        ("a.pdf/new.png", "in a folder that is not there"),
        ("a\0b", "NUL"),
    ],
)
def test_no_other_file_is_named(folder: Path, path: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        WriteRoot(str(folder)).new(path.format(root=folder))


def test_what_appears_meanwhile_stays_as_it_is(folder: Path, tmp_path: Path) -> None:
    late, moved = WriteRoot(str(folder)).new("late.pdf"), WriteRoot(str(folder)).new("deep/new.pdf")
    (folder / "late.pdf").write_bytes(b"another's")
    with pytest.raises(InvalidInput, match=r"late\.pdf cannot be written \(File exists\)"):
        late.write(b"ours")
    assert (folder / "late.pdf").read_bytes() == b"another's"
    (folder / "deep").rename(folder / "gone")
    (folder / "deep").symlink_to(tmp_path / "root-of-others")
    with pytest.raises(InvalidInput, match=r"deep/new\.pdf cannot be written"):
        moved.write(b"ours")
    assert not (tmp_path / "root-of-others" / "new.pdf").exists()


def test_of_a_file_that_cannot_be_written_whole_nothing_is_left(folder: Path) -> None:
    new = WriteRoot(str(folder)).new("large.png")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(InvalidInput, match=r"large\.png cannot be written \(File too large\)"):
            new.write(bytes(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not (folder / "large.png").exists()


def test_a_folder_for_writing_is_one(folder: Path) -> None:
    with pytest.raises(InvalidInput, match=r"--write-root .*a\.pdf is no folder"):
        WriteRoot(str(folder / "a.pdf"))
