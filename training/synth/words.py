"""Text for stamps and pages in four scripts: every function draws from the generator it is given."""

from collections.abc import Callable

import numpy as np

from training.synth.fonts import Script
from training.synth.vocabulary import (
    CITIES,
    COMPANY_FORMS,
    COMPANY_STEMS,
    COMPANY_TRADES,
    DEPARTMENTS,
    FIELDS,
    FIRST_NAMES,
    HAN_SEAL_CHARACTERS,
    LAST_NAMES,
    MONTHS,
    PRAISE,
    PURPOSES,
    SENTENCE_WORDS,
    STREETS,
    TITLES,
    VERDICTS,
)

Words = Callable[[np.random.Generator, Script], str]
LATIN_VOWELS, LATIN_CONSONANTS = "aeiou", "bcdfghklmnprstvz"


def choose(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    """One of `options`, all equally likely."""
    return options[int(rng.integers(len(options)))]


def digits(rng: np.random.Generator, count: int) -> str:
    """`count` random digits."""
    return "".join(str(digit) for digit in rng.integers(0, 10, count))


def _coined(rng: np.random.Generator) -> str:
    """A made-up Latin brand, so that company names do not run out."""
    syllables = [
        choose(rng, tuple(LATIN_CONSONANTS)) + choose(rng, tuple(LATIN_VOWELS)) for _ in range(int(rng.integers(2, 4)))
    ]
    return ("".join(syllables) + choose(rng, ("", "n", "x", "r", "s", "l"))).capitalize()


def company_name(rng: np.random.Generator, script: Script) -> str:
    """A firm that does not exist: "Northwind Trading Ltd.", "ООО «Вектор»"."""
    stem, trade = (
        choose(rng, COMPANY_STEMS[script]),
        choose(rng, COMPANY_TRADES[script]),
    )
    form = choose(rng, COMPANY_FORMS[script])
    match script:
        case Script.LATIN:
            stem = _coined(rng) if rng.random() < 0.4 else stem
            return f"{stem} {trade} {form}".strip()
        case Script.CYRILLIC:
            return f"{form} «{stem}{trade}»"
        case Script.CJK:
            return f"{city(rng, script)}{stem}{choose(rng, COMPANY_STEMS[script])}{trade}{form}"
        case Script.ARABIC:
            return f"{form} {stem} {trade}"


def person_name(rng: np.random.Generator, script: Script) -> str:
    """A person as signed for: initials and academic titles occur."""
    first, last = choose(rng, FIRST_NAMES[script]), choose(rng, LAST_NAMES[script])
    match script:
        case Script.LATIN:
            shape = rng.random()
            if shape < 0.25:
                return f"{first[0]}. {last}"
            if shape < 0.4:
                return f"{choose(rng, ('Dr.', 'Prof.', 'Dipl.-Ing.', 'Me', 'Ing.', 'Adv.'))} {first} {last}"
            return f"{first} {last}"
        case Script.CYRILLIC:
            return f"{last} {first[0]}.{choose(rng, tuple('АВГДИНПС'))}." if rng.random() < 0.6 else f"{last} {first}"
        case Script.CJK:
            return last + first
        case Script.ARABIC:
            return f"{first} {last}"


def family_name(rng: np.random.Generator, script: Script) -> str:
    """A family name alone."""
    return choose(rng, LAST_NAMES[script])


def city(rng: np.random.Generator, script: Script) -> str:
    """A city."""
    return choose(rng, CITIES[script])


def department(rng: np.random.Generator, script: Script) -> str:
    """An office or a department: "Bureau des Études"."""
    return choose(rng, DEPARTMENTS[script])


def title(rng: np.random.Generator, script: Script) -> str:
    """What a person signs as: "Managing Director"."""
    return choose(rng, TITLES[script])


def signatory(rng: np.random.Generator, script: Script) -> str:
    """The line of a self-inking stamp: an office, a person and a place, two of them or all three."""
    makers = (title, department, person_name, city)
    count = int(rng.choice([2, 2, 2, 3]))
    parts = [makers[int(index)](rng, script) for index in rng.permutation(len(makers))[:count]]
    return choose(rng, (" - ", ", ", " / ", " ", " · ")).join(parts)


def initials(rng: np.random.Generator, script: Script) -> str:
    """Two to four initials: "JB", "Mrk", "О.К."; a family name where none are usual."""
    if script in (Script.CJK, Script.ARABIC):
        return family_name(rng, script)
    letters = [word[0] for word in (choose(rng, LAST_NAMES[script]) for _ in range(int(rng.integers(2, 5))))]
    match int(rng.integers(3)):
        case 0:
            return ".".join(letters) + "."
        case 1:
            return letters[0] + "".join(letters[1:]).lower()
        case _:
            return "".join(letters)


def purpose(rng: np.random.Generator, script: Script) -> str:
    """What a company seal is for: "FOR DOCUMENTS", "合同专用章"."""
    return choose(rng, PURPOSES[script])


def verdict(rng: np.random.Generator, script: Script) -> str:
    """What a stamp decides: "PAID", "КОПИЯ ВЕРНА"."""
    return choose(rng, VERDICTS[script])


def field(rng: np.random.Generator, script: Script) -> str:
    """What is to be filled in by hand: "Received by", "Дата"."""
    return choose(rng, FIELDS[script])


def praise(rng: np.random.Generator, script: Script) -> str:
    """A teacher's caption: "Well done!"."""
    return choose(rng, PRAISE[script])


def han_motif(rng: np.random.Generator, script: Script) -> str:
    """One or two Han characters that stand for themselves: luck, long life, effort."""
    del script
    return choose(rng, HAN_SEAL_CHARACTERS)


def street(rng: np.random.Generator, script: Script) -> str:
    """A street and number."""
    number = int(rng.integers(1, 240))
    name = choose(rng, STREETS[script])
    match script:
        case Script.CJK:
            return f"{name}{number}号"
        case Script.CYRILLIC:
            return f"{name}, д. {number}"
        case Script.LATIN | Script.ARABIC:
            return f"{name} {number}"


def phone(rng: np.random.Generator, script: Script) -> str:
    """A labelled telephone number."""
    label = {
        Script.LATIN: "Tel.",
        Script.CYRILLIC: "Тел.",
        Script.CJK: "电话",
        Script.ARABIC: "هاتف",
    }[script]
    return f"{label} {digits(rng, 4)} {digits(rng, 3)} {digits(rng, 3)}"


def date(rng: np.random.Generator, script: Script) -> str:
    """A date in one of six layouts, or in Chinese."""
    day, month, year = (
        int(rng.integers(1, 29)),
        int(rng.integers(12)),
        int(rng.integers(1965, 2031)),
    )
    if script is Script.CJK and rng.random() < 0.5:
        return f"{year}年{month + 1}月{day}日"
    shape = int(rng.integers(6))
    name = MONTHS[script][month]
    return (
        f"{day:02d} {name} {year}",
        f"{day:02d}.{month + 1:02d}.{year}",
        f"{day:02d}/{month + 1:02d}/{year % 100:02d}",
        f"{year}-{month + 1:02d}-{day:02d}",
        f"{name} {day:02d} {year}",
        f"{day} {name} {year % 100:02d}",
    )[shape]


def serial(rng: np.random.Generator, script: Script) -> str:
    """A registration or running number."""
    shape = int(rng.integers(5))
    if script is Script.CJK:
        return digits(rng, (10, 13, 13, 14, 15)[shape])
    prefix = "№" if script is Script.CYRILLIC else "No."
    return (
        f"{prefix} {digits(rng, 5)}",
        digits(rng, 10),
        f"{choose(rng, ('A', 'B', 'K', 'M'))}-{digits(rng, 4)}/{digits(rng, 2)}",
        f"{digits(rng, 3)}-{digits(rng, 3)}-{digits(rng, 3)}",
        f"{prefix} {digits(rng, 2)}/{digits(rng, 4)}",
    )[shape]


def sentence(rng: np.random.Generator, script: Script, words: int = 0) -> str:
    """A line of running text, `words` long or 4 to 14. It means nothing."""
    count = words or int(rng.integers(4, 15))
    separator = "" if script is Script.CJK else " "
    text = separator.join(choose(rng, SENTENCE_WORDS[script]) for _ in range(count))
    stop = "。" if script is Script.CJK else "."
    return text[:1].upper() + text[1:] + stop
