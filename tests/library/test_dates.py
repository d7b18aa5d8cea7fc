from datetime import date

import pytest

from stamp2vec.reading.dates import find_dates


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2021-10-18", "2021-10-18"),
        ("Received 18.10.2021 No. 5", "2021-10-18"),
        ("18/10/2021", "2021-10-18"),
        ("10/18/2021", "2021-10-18"),
        ("18 OCT 2021", "2021-10-18"),
        ("18OCT2021", "2021-10-18"),
        ("Oct. 18, 2021", "2021-10-18"),
        ("5 mars 2020", "2020-03-05"),
        ("09 августа 1998", "1998-08-09"),
        ("12.VII.2004", "2004-07-12"),
        ("2021年10月18日", "2021-10-18"),
        ("5 tháng 9 năm 2020", "2020-09-05"),
        ("07/07/2019", "2019-07-07"),
        ("03.04.2020", "2020-04-03"),
    ],
)
def test_dates(text: str, iso: str) -> None:
    (found,) = find_dates(text)
    assert (found.iso, found.unsure) == (iso, False)
    date.fromisoformat(found.iso)


def test_a_date_whose_order_cannot_be_told_has_no_name() -> None:
    (found,) = find_dates("03/04/2020")
    assert (found.iso, found.unsure) == ("", True)


def test_a_century_that_is_guessed_is_unsure() -> None:
    assert [(each.iso, each.unsure) for each in find_dates("18.10.21 and 18.10.98")] == [
        ("2021-10-18", True),
        ("1998-10-18", True),
    ]


@pytest.mark.parametrize("text", ["32.10.2021", "30.02.2021", "2021-13-01"])
def test_what_is_no_day_of_the_calendar_has_no_name(text: str) -> None:
    assert [each.iso for each in find_dates(text)] == [""]


@pytest.mark.parametrize("text", ["", "No. 12345", "7701-88", "tel. 7208 740 495", "18 XYZ 2021", "1.2", "A-1370/44"])
def test_what_is_no_date(text: str) -> None:
    assert list(find_dates(text)) == []


def test_two_dates_of_a_line_come_in_order() -> None:
    assert [each.iso for each in find_dates("01.02.2020 - 15.03.2021")] == ["2020-02-01", "2021-03-15"]
