"""Dates in what was read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

_MONTHS = (
    "jan januar january janvier enero gennaio janeiro styczen stycznia januari leden ledna ene gen sty января янв",
    "feb februar february fevrier février febrero febbraio fevereiro luty lutego februari unor únor února fev lut "
    "февраля фев",
    "mar marz märz mär mrz march mars marzo março marco marzec marca maart brezen března марта мар",
    "apr april avril abril aprile kwiecien kwietnia duben dubna avr abr kwi апреля апр",
    "may mai mayo maggio maio maj maja mei kveten května mag мая май",
    "jun juni june juin junio giugno junho czerwiec czerwca cerven června giu cze июня июн",
    "jul juli july juillet julio luglio julho lipiec lipca cervenec července lug lip июля июл",
    "aug august août aout agosto sierpien sierpnia augustus srpen srpna ago sie августа авг",
    "sep sept september septembre septiembre settembre setembro wrzesien września wrzesnia zari září set wrz "
    "сентября сен",
    "oct okt october oktober octobre octubre ottobre outubro pazdziernik października pazdziernika rijen října ott out "
    "paz paź октября окт",
    "nov november novembre noviembre novembro listopad listopada lis ноября ноя",
    "dec dez december dezember decembre décembre diciembre dicembre dezembro grudzien grudnia prosinec dic gru "
    "декабря дек",
)
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_MONTH_OF |= {name: number for number, name in enumerate(_ROMAN, 1)}

_YEAR = r"(?P<year>(?:1[89]|20)\d\d|\d\d)"
_FOUR_DIGITS = r"(?P<year>(?:1[89]|20)\d\d)"
_PATTERNS = tuple(
    re.compile(rf"(?<!\d){pattern}(?!\d)", re.IGNORECASE)
    for pattern in (
        rf"{_FOUR_DIGITS}\s?(?P<mark>[-./])\s?(?P<month>\d\d?)\s?(?P=mark)\s?(?P<day>\d\d?)",
        rf"{_FOUR_DIGITS}\s?年\s?(?P<month>\d\d?)\s?月\s?(?P<day>\d\d?)\s?日?",
        rf"(?P<first>\d\d?)\s?(?P<mark>[-./])\s?(?P<second>\d\d?)\s?(?P=mark)\s?{_YEAR}",
        rf"(?P<day>\d\d?)\s?[.\-/ ]?\s?(?P<name>[^\W\d_]{{1,12}})\s?[.\-/ ]?\s?{_YEAR}",
        rf"(?P<name>[^\W\d_]{{3,12}})\.?\s?(?P<day>\d\d?)\s?,?\s{_YEAR}",
        rf"(?P<day>\d\d?)\s?tháng\s?(?P<month>\d\d?)\s?năm\s?{_YEAR}",
    )
)
_LATEST_SHORT_YEAR = 50  # 50 is 2050, and 51 is 1951


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date at `start` to `end` of a text; `iso` as in texts.TextDate. It is unsure where its century is guessed."""

    iso: str
    start: int
    end: int
    unsure: bool


def find_dates(text: str) -> Iterator[FoundDate]:
    """The dates in a line, from left to right."""
    taken = 0
    for found in sorted(_matches(text), key=lambda match: (match.start(), -match.end())):
        if found.start() < taken:
            continue
        iso = _iso(found.groupdict())
        if iso is None:
            continue
        taken = found.end()
        yield FoundDate(iso, found.start(), found.end(), not iso or len(found["year"]) == 2)


def _matches(text: str) -> Iterator[re.Match[str]]:
    for pattern in _PATTERNS:
        yield from pattern.finditer(text)


def _iso(parts: dict[str, str | None]) -> str | None:
    """Of the groups of a pattern: empty where it cannot be told, None where it is no date."""
    year = int(parts["year"] or 0)
    if year < 100:
        year += 2000 if year <= _LATEST_SHORT_YEAR else 1900
    if first := parts.get("first"):
        return _of_either_order(int(first), int(parts["second"] or 0), year, parts["mark"] or "")
    if name := parts.get("name"):
        month = _MONTH_OF.get(name.lower())
        return None if month is None else _day(year, month, int(parts["day"] or 0))
    return _day(year, int(parts["month"] or 0), int(parts["day"] or 0))


def _of_either_order(first: int, second: int, year: int, mark: str) -> str:
    """Day and month, or month and day: with dots the day always comes first, and else one above 12 tells."""
    as_day, as_month = _day(year, second, first), _day(year, first, second)
    if mark == "." or first == second or not as_month:
        return as_day
    return "" if as_day else as_month


def _day(year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""
