"""What a worker says of one file."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from stamp2vec.cli.bulk import worker
from stamp2vec.cli.engine import Engine
from stamp2vec.document.options import Options
from stamp2vec.errors import InvalidImage, InvalidInput, PermissionDenied, Stamp2vecError, Unavailable
from stamp2vec.values import PageResult

DAMAGED = InvalidImage("damaged: save it again")


def page(index: int, error: Stamp2vecError | None = None) -> PageResult:
    return PageResult(index, 10, 20, (), error)


def away(retry_after_s: float | None = None) -> Unavailable:
    return Unavailable("nobody is there", grpc.StatusCode.UNAVAILABLE, retry_after_s)


class Script:
    """An engine that does as it is told: pages, then an error, or warnings; one script a call."""

    def __init__(self, *scripts: tuple[Sequence[PageResult], Stamp2vecError | tuple[str, ...]]) -> None:
        self.scripts = list(scripts)
        self.asked: list[str] = []

    def pages(self, _: bytes, options: Options) -> Generator[PageResult, None, tuple[str, ...]]:
        self.asked.append(options.pages)
        pages, end = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        yield from pages
        if isinstance(end, Stamp2vecError):
            raise end
        return end


Told = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """The messages on a file, without the records of its pages; naps are noted in `naps`."""
    (tmp_path / "file").write_bytes(b"bytes")

    def run(engine: Script, pages: str = "", last_page: int | None = None) -> list[dict[str, Any]]:
        options = Options(pages=pages)
        found = worker.messages(cast(Engine, engine), str(tmp_path / "file"), options, last_page)
        return [{name: value for name, value in each.items() if name != "record"} for each in found]

    monkeypatch.setattr("time.sleep", naps.append)
    naps.clear()
    return run


naps: list[float] = []


def test_the_last_page_and_the_end_are_one_message(told: Told) -> None:
    assert told(Script(([page(0), page(1)], ("repaired",)))) == [
        {"page": 0, "stamps": 0, "failed": False},
        {"page": 1, "stamps": 0, "failed": False, "end": ["repaired"]},
    ]


def test_an_error_after_pages_is_of_the_file(told: Told) -> None:
    assert told(Script(([page(0)], InvalidInput("cut short")))) == [
        {"page": 0, "stamps": 0, "failed": False, "end": [], "error": "cut short"}
    ]


def test_a_file_that_cannot_be_read_has_no_pages(told: Told) -> None:
    assert told(Script(([], DAMAGED))) == [{"end": [], "error": "damaged: save it again"}]


@pytest.mark.parametrize("end", [DAMAGED, ()], ids=["gateway", "in process"])
def test_pages_of_which_none_can_be_read_are_told_once(told: Told, end: Stamp2vecError | tuple[str, ...]) -> None:
    assert told(Script(([page(0, DAMAGED), page(1, DAMAGED)], end))) == [
        {"page": 0, "stamps": 0, "failed": True},
        {"page": 1, "stamps": 0, "failed": True, "end": []},
    ]


def test_a_gateway_that_was_away_is_asked_for_the_rest(told: Told) -> None:
    engine = Script(([page(2), page(4)], away()), ([], away(3.0)), ([page(6)], ()))
    found = told(engine, "1-5,7", 1)
    assert [message.get("page") for message in found if "waiting" not in message] == [2, 4, 6]
    assert engine.asked == ["3-5,7", "7", "7"]
    assert naps == [0.5, 3.0]


def test_it_is_not_waited_for_without_end(told: Told) -> None:
    with pytest.raises(Unavailable):
        told(Script(([], away())))
    assert worker.PATIENCE_S < sum(naps) < worker.PATIENCE_S + 30
    assert max(naps) == 10


def test_a_refusal_is_not_repeated(told: Told) -> None:
    with pytest.raises(PermissionDenied):
        told(Script(([], PermissionDenied("no", grpc.StatusCode.PERMISSION_DENIED))))
    assert naps == []
