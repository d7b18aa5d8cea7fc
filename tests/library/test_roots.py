"""What an assistant may have read, and what not."""

import os
from pathlib import Path

import pytest

from stamp2vec.cli.mcp import roots
from stamp2vec.cli.mcp.roots import Roots
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
