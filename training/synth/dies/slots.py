"""How a family varies: each name, number, ring and emblem has a stream of its own, and a sibling redraws one."""

import zlib
from collections.abc import Callable, Hashable
from typing import TypeVar

import numpy as np

from training.synth.fonts import FontFace, Script, Split, Style, pick
from training.synth.words import Words

TRIES = 60
T = TypeVar("T", bound=Hashable)
PROBES = {
    Script.LATIN: "ABCDEFGHIJKLMNOPRSTUVWXYZabcdefghiklmnoprstuvwyz0123456789.-",
    Script.CYRILLIC: "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЫЮЯабвгдежзиклмнопрстуфхцчшщыьюя0123456789",
    Script.CJK: "银行股份有限责任公司合同专用章财务发票业务转讫贸易科技总经理0123456789",
    Script.ARABIC: "ابتثجحخدذرزسشصضطظعغفقكلمنهويةىأإ0123456789.-",
}


class Slots:
    """The streams of one family. The slot `varied` takes its `redraw`-th further value instead of its first."""

    def __init__(self, split: Split, family: int, script: Script, varied: str = "", redraw: int = 0) -> None:
        self.split, self.family, self.script = split, family, script
        self.names: list[str] = []
        self._varied, self._redraw = varied, redraw

    def stream(self, name: str) -> np.random.Generator:
        """A stream that no other name shares: what one slot draws never moves another."""
        return np.random.default_rng([list(Split).index(self.split), self.family, zlib.crc32(name.encode())])

    def draw(self, name: str, value: Callable[[np.random.Generator], T]) -> T:
        """The slot's value: the family's own, or a different one where this sibling varies `name`."""
        self.names.append(name)
        rng = self.stream(name)
        seen = [value(rng)]
        if name == self._varied:
            for _ in range(TRIES):
                if len(seen) > self._redraw:
                    break
                candidate = value(rng)
                if candidate not in seen:
                    seen.append(candidate)
        return seen[-1]

    def text(self, name: str, words: Words, face: FontFace, capitals: bool = False) -> str:
        """Words that the face can draw."""

        def value(rng: np.random.Generator) -> str:
            text = ""
            for _ in range(TRIES):
                text = words(rng, self.script)
                text = text.upper() if capitals else text
                if face.covers(text):
                    break
            return "".join(character for character in text if character == " " or face.covers(character))

        return self.draw(name, value)

    def face(self, name: str, style: Style | None = None) -> FontFace:
        """A typeface of the family's split and script. Typefaces are layout: siblings share them."""
        return pick(self.stream(name), self.script, self.split, style, PROBES[self.script])


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A plain float between `low` and `high`."""
    return float(rng.uniform(low, high))


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True once in `1 / probability`."""
    return bool(rng.random() < probability)
