"""Files without stamps from a decoder's process: what this process would make, within the bounds of a file."""

import io
import os
import signal
import time
from collections.abc import Iterator

import img2pdf
import pytest

from stamp2vec.decoding import Decoder, DecoderLimits, SharedFile
from stamp2vec.decoding.channel import Closed
from stamp2vec.decoding.rewriting import BoundedFile, results_of, rewritten_of
from stamp2vec.errors import InvalidImage
from stamp2vec.imaging import Limits
from tests.erasing.sheets import mark, rewritten, saved, sheet

MOST = 2**24


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    made = Decoder(DecoderLimits(page_s=20.0, memory_bytes=2**29))
    yield made
    made.close()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PDF"])
def test_the_file_is_the_one_that_this_process_makes(decoder: Decoder, kind: str) -> None:
    data = bytes(img2pdf.convert(saved(sheet("red"), "PNG"))) if kind == "PDF" else saved(sheet("red"), kind)
    results, new, media_type, warnings = rewritten(data)
    with SharedFile(data) as file:
        decoder.open(file, Limits(), "document", None)
        assert decoder.erase(0, [mark()]) == results
        found = decoder.rewritten(MOST)
    assert (found.media_type, found.warnings) == (media_type, warnings)
    assert found.data == new


def test_a_file_of_which_nothing_was_erased_is_the_same(decoder: Decoder) -> None:
    data = saved(sheet("red"), "JPEG")
    with SharedFile(data) as file:
        decoder.open(file, Limits(), "document", None)
        assert decoder.rewritten(MOST).data == data


def test_a_new_file_has_a_bound(decoder: Decoder) -> None:
    with SharedFile(saved(sheet("red"), "PNG")) as file:
        decoder.open(file, Limits(), "document", None)
        decoder.erase(0, [mark()])
        with pytest.raises(InvalidImage, match="would be larger than 0 MiB: ask for fewer pages a call") as caught:
            decoder.rewritten(1000)
        assert caught.value.field == "document"
        assert decoder.rewritten(MOST).media_type == "image/png"


def test_a_process_that_ends_is_an_error_of_the_page_and_another_starts(decoder: Decoder) -> None:
    with SharedFile(saved(sheet("red"), "TIFF")) as file:
        decoder.open(file, Limits(), "document", None)
        os.kill(decoder.pid, signal.SIGKILL)
        with pytest.raises(InvalidImage, match="page 1 made the decoder crash"):
            decoder.erase(0, [mark()])
        assert decoder.opened(file) is None
        decoder.open(file, Limits(), "document", None)
        assert decoder.erase(0, [mark()])[0].left == 0


def test_a_deadline_ends_the_work(decoder: Decoder) -> None:
    with SharedFile(saved(sheet("red"), "TIFF")) as file:
        decoder.open(file, Limits(), "document", None)
        os.kill(decoder.pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            decoder.erase(0, [mark()], time.monotonic() + 0.1)


def test_a_page_that_does_not_exist_is_an_error(decoder: Decoder) -> None:
    with SharedFile(saved(sheet("red"), "TIFF")) as file:
        decoder.open(file, Limits(), "document", None)
        with pytest.raises(InvalidImage):
            decoder.erase(7, [mark()])


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"results": []},
        {"results": [[2.0, ""]]},
        {"results": [[float("nan"), ""]]},
        {"results": [["0", ""]]},
        {"results": [[0.0, 1]]},
        {"results": [[0.0]]},
    ],
)
def test_nonsense_of_a_process_is_no_result(answer: dict[str, object]) -> None:
    with pytest.raises(Closed):
        results_of(answer, 1)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"media_type": "image/png"},
        {"media_type": 1, "warnings": []},
        {"media_type": "image/png", "warnings": [1]},
        {"media_type": "x" * 101, "warnings": []},
    ],
)
def test_nonsense_of_a_process_is_no_file(answer: dict[str, object]) -> None:
    with SharedFile(b"data") as file, pytest.raises(Closed):
        rewritten_of(answer, file, MOST)
    good = {"media_type": "image/png", "warnings": []}
    with SharedFile() as empty, pytest.raises(Closed):
        rewritten_of(good, empty, MOST)
    with SharedFile(bytes(100)) as large, pytest.raises(Closed):
        rewritten_of(good, large, 99)


def test_a_bounded_file_is_read_written_and_sought() -> None:
    inner = io.BytesIO()
    with BoundedFile(inner, 10, "document") as file:
        assert file.write(b"0123456789") == 10
        file.seek(3)
        assert file.read(4) == b"3456"
        assert file.tell() == 7
        with pytest.raises(InvalidImage):
            file.write(b"abcd")
    assert inner.closed
