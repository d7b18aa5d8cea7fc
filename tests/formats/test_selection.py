"""Which pages of a file are asked for, in whatever words."""

import time

import pytest

from stamp2vec.errors import InvalidInput
from stamp2vec.imaging.formats.selection import selected_pages


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("2", [1]),
        ("4-", [3, 4]),
        ("1-2,5", [0, 1, 4]),
        ("5,1,1", [0, 4]),
        ("2-4,1-3,3", [0, 1, 2, 3]),
        (" 1 - 2 ,\t5\n", [0, 1, 4]),
        ("000000002", [1]),
    ],
)
def test_pages_come_in_order_and_once(text: str, indices: list[int]) -> None:
    assert selected_pages(text, 5) == indices


@pytest.mark.parametrize(
    "text", ["0", "6", "1-6", "3-2", "-3", "1,,2", "two", "1;2", "²", "٣", "9" * 50_000, "1\x00", "9\t-,"]
)
def test_an_error_quotes_little_and_nothing_that_does_not_print(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        selected_pages(text, 5)
    assert caught.value.field == "pages"
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_ranges_that_overlap_cost_no_more_than_the_pages() -> None:
    started_s = time.process_time()
    assert selected_pages(",".join(["1-100000"] * 10_000), 100_000) == list(range(100_000))
    assert time.process_time() - started_s < 1


def test_a_selection_has_an_end() -> None:
    with pytest.raises(InvalidInput, match="100,000 is the most"):
        selected_pages("1," * 50_001, 5)
