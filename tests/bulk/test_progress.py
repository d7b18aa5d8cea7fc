"""What a person sees of a run."""

import io

import pytest

from stamp2vec.cli.bulk.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which the test sets."""
    now = [0.0]
    monkeypatch.setattr("stamp2vec.cli.bulk.progress.time.monotonic", lambda: now[0])
    return now


def test_lines_now_and_then_where_there_is_no_terminal(clock: list[float]) -> None:
    stream = io.StringIO()
    progress = Progress(stream, files=7300, done=100)
    for clock[0], files, pages in ((5.0, 100, 200), (20.0, 100, 400), (25.0, 1, 1)):
        progress.add(files, pages)
    progress.close()
    assert stream.getvalue() == "stamp2vec: 300 of 7,300 files, 30.0 pages/s, 11 min left\n"
    assert progress.pages_per_s == 601 / 25


@pytest.mark.parametrize(("files", "left"), [(202, "10 s"), (820, "1 min"), (80_000, "2 h 13 min")])
def test_the_time_that_is_left(clock: list[float], files: int, left: str) -> None:
    stream = io.StringIO()
    progress = Progress(stream, files, done=0)
    clock[0] = 10.0
    progress.add(files=101 if files == 202 else 100, pages=1)
    assert stream.getvalue().endswith(f", {left} left\n")


def test_a_bar_on_a_terminal() -> None:
    pytest.importorskip("rich")
    stream = Terminal()
    progress = Progress(stream, files=20, done=5)
    progress.add(files=5, pages=7)
    progress.close()
    assert "10/20" in stream.getvalue()
    assert "pages/s" in stream.getvalue()
