"""What every page template draws from: one random generator, one language, registered fonts, colours and figures."""

from __future__ import annotations

import re
from html import escape

import numpy as np

from training.synth import words
from training.synth.fonts import Split, Style, pick
from training.synth.templates.lexicon import Language, pick_language

INK_COLOURS = ("#000", "#111", "#1a1a1a", "#222", "#333")
ACCENTS = [
    "#b01818",
    "#c4281b",
    "#e2001a",
    "#8a1538",
    "#1a4f9c",
    "#003f87",
    "#0b6fb8",
    "#1c7ed6",
    "#00573f",
    "#2e8b57",
    "#5a9216",
    "#e98300",
    "#f2a900",
    "#d9a400",
    "#6a1b9a",
    "#7b4fa3",
    "#00838f",
    "#4e342e",
    "#37474f",
    "#455a64",
    "#0d2c54",
    "#d81b60",
    "#f76707",
    "#c0a062",
]


# Running text is set upright and of normal weight; CSS makes it bold where a template asks for it.
_HEAVY = re.compile("bold|black|heavy|italic|oblique|medium|extralight|thin", re.IGNORECASE)


class FontFaces:
    """The ``@font-face`` rules of one printed document; the same file is declared once."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, path: str) -> str:
        """Return the CSS family name under which the font file ``path`` is known."""
        return self._names.setdefault(path, f"F{len(self._names)}")

    def css(self) -> str:
        """Return the rules for every name handed out so far."""
        rules = (f'@font-face{{font-family:{name};src:url("file://{path}")}}' for path, name in self._names.items())
        return "\n".join(rules)


class Draft:
    """One page in the making."""

    def __init__(
        self,
        rng: np.random.Generator,
        split: Split,
        faces: FontFaces,
        language: Language | None = None,
    ):
        self.rng = rng
        self.split = split
        self.language = language or pick_language(rng)
        self._faces = faces

    def font(self, *styles: Style) -> str:
        """Return a CSS font stack of one of ``styles`` in the page's script."""
        style = styles[int(self.rng.integers(len(styles)))]
        face = pick(self.rng, self.language.script, self.split, style)
        for _ in range(6):
            if not _HEAVY.search(face.path):
                break
            face = pick(self.rng, self.language.script, self.split, style)
        fallback = "monospace" if style is Style.MONO else "sans-serif" if style is Style.SANS else "serif"
        return f"{self._faces.name(face.path)},{fallback}"

    @property
    def direction(self) -> str:
        """``rtl`` for Arabic, else ``ltr``."""
        return "rtl" if self.language.code == "ar" else "ltr"

    def chance(self, probability: float) -> bool:
        """Return true with ``probability``."""
        return bool(self.rng.random() < probability)

    def one(self, *options: str) -> str:
        """Return one of ``options``."""
        return options[int(self.rng.integers(len(options)))]

    def number(self, low: int, high: int) -> int:
        """Return an integer from ``low`` to ``high`` inclusive."""
        return int(self.rng.integers(low, high + 1))

    def accent(self) -> str:
        """Return a letterhead colour."""
        return self.one(*ACCENTS)

    def label(self) -> str:
        """Return a form label."""
        return escape(self.one(*self.language.labels))

    def title(self) -> str:
        """Return the title of a document."""
        return escape(self.one(*self.language.titles))

    def goods(self) -> str:
        """Return the name of an article."""
        return escape(self.one(*self.language.goods))

    def closing(self) -> str:
        """Return the closing line of a letter."""
        return escape(self.one(*self.language.closing))

    def sentence(self) -> str:
        """Return one sentence."""
        return escape(self.language.sentence(self.rng))

    def phrase(self, low: int = 2, high: int = 5) -> str:
        """Return a few words."""
        return escape(self.language.phrase(self.rng, low, high))

    def paragraphs(self, low: int, high: int) -> str:
        """Return ``low`` to ``high`` paragraphs as HTML."""
        count = self.number(low, high)
        return "".join(f"<p>{escape(self.language.paragraph(self.rng))}</p>" for _ in range(count))

    def company(self) -> str:
        """Return a company name."""
        return escape(words.company_name(self.rng, self.language.script))

    def person(self) -> str:
        """Return a person's name."""
        return escape(words.person_name(self.rng, self.language.script))

    def city(self) -> str:
        """Return a city."""
        return escape(words.city(self.rng, self.language.script))

    def date(self) -> str:
        """Return a date."""
        return escape(words.date(self.rng, self.language.script))

    def digits(self, count: int) -> str:
        """Return ``count`` digits."""
        return "".join(str(digit) for digit in self.rng.integers(0, 10, count))

    def money(self, high: float = 4.0) -> str:
        """Return an amount up to ``10 ** high``."""
        value = 10 ** self.rng.uniform(0.3, high)
        text = f"{value:,.2f}"
        return text if self.language.code in {"en", "zh", "hi-latn"} else text.translate(str.maketrans(",.", ".,"))

    def address(self) -> str:
        """Return three or four address lines."""
        street = f"{self.phrase(1, 3).title()} {self.number(1, 199)}"
        lines = [self.person(), street, f"{self.digits(5)} {self.city()}"]
        if self.chance(0.4):
            lines.insert(0, self.company())
        return "<br>".join(lines)

    def value(self) -> str:
        """Return something that a person fills into a field."""
        kind = self.number(0, 5)
        if kind == 0:
            return self.date()
        if kind == 1:
            return self.digits(self.number(3, 10))
        if kind == 2:
            return self.person()
        if kind == 3:
            return self.city()
        if kind == 4:
            return self.money()
        return self.phrase(1, 5)
