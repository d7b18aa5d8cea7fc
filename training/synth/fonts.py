"""The catalogue of installed typefaces, split by design into TRAIN and TEST."""

import hashlib
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from glob import glob
from pathlib import Path

import numpy as np
from PIL import ImageFont

TABLE = Path(__file__).with_name("fonts.tsv")
FONTS_ROOT = Path("/usr/share/fonts")


class Split(Enum):
    """Identities, typefaces, pages and captures of TEST never occur in TRAIN."""

    TRAIN = "train"
    TEST = "test"


class Script(Enum):
    """What a line is written in."""

    LATIN = "latin"
    CYRILLIC = "cyrillic"
    CJK = "cjk"
    ARABIC = "arabic"


class Style(Enum):
    """What a typeface looks like; CJK kai and fangsong count as SLAB, brushes as HAND."""

    SERIF = "serif"
    SANS = "sans"
    MONO = "mono"
    SLAB = "slab"
    HAND = "hand"
    SYMBOL = "symbol"


TEXT_STYLES = (Style.SERIF, Style.SANS, Style.MONO, Style.SLAB)


@dataclass(frozen=True, slots=True)
class FontFace:
    """One face of one font file; `design` names the master that it was drawn from."""

    path: str
    index: int
    design: str
    style: Style
    script: Script

    def at(self, size_px: int) -> ImageFont.FreeTypeFont:
        """The face at an em of `size_px` pixels. Arabic is shaped by raqm; the other scripts need no shaping."""
        layout = ImageFont.Layout.RAQM if self.script is Script.ARABIC else ImageFont.Layout.BASIC
        return _load(self.path, self.index, max(4, size_px), layout)

    def covers(self, text: str) -> bool:
        """Whether the face has a glyph for every character of `text`."""
        return all(_has_glyph(self.path, self.index, character) for character in set(text) if not character.isspace())


@dataclass(frozen=True, slots=True)
class Family:
    """The faces of one design that are used for one style."""

    design: str
    style: Style
    scripts: tuple[Script, ...]
    package: str
    files: tuple[tuple[str, int], ...]

    @property
    def split(self) -> Split:
        """One design in five is kept for TEST, by a hash of its name: 77 salts it so that every style is in both."""
        digest = hashlib.sha256(f"stamp2vec/font/77/{self.design}".encode()).digest()
        return Split.TEST if digest[0] % 5 == 0 else Split.TRAIN


@lru_cache(maxsize=512)
def _load(path: str, index: int, size_px: int, layout: ImageFont.Layout) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size_px, index=index, layout_engine=layout)


@lru_cache(maxsize=65536)
def _has_glyph(path: str, index: int, character: str) -> bool:
    font = _load(path, index, 24, ImageFont.Layout.BASIC)
    # U+10FFFF is never assigned, so it is drawn with the face's "missing glyph" box.
    return bytes(font.getmask(character)) not in (
        bytes(font.getmask("\U0010ffff")),
        b"",
    )


def _read_row(row: str) -> Family:
    design, style, scripts, package, patterns = row.split("\t")
    files: list[tuple[str, int]] = []
    for pattern in patterns.split(" "):
        path, _, index = pattern.partition("#")
        files += [(found, int(index or 0)) for found in sorted(glob(str(FONTS_ROOT / path)))]
    return Family(
        design,
        Style(style),
        tuple(map(Script, scripts.split(" "))),
        package,
        tuple(files),
    )


@lru_cache(maxsize=1)
def table() -> tuple[Family, ...]:
    """Every family of fonts.tsv, those that are not installed with no files."""
    rows = TABLE.read_text(encoding="utf-8").splitlines()
    return tuple(_read_row(row) for row in rows if not row.startswith("#"))


@lru_cache(maxsize=64)
def families(script: Script, split: Split, style: Style | None = None) -> tuple[Family, ...]:
    """Installed families. Without a style, or where the style has none: the text styles, not handwriting nor symbols.

    Raises:
        RuntimeError: none is installed; the message names the packages that would help.
    """
    styles = TEXT_STYLES if style is None else (style,)
    wanted = [f for f in table() if f.split is split and script in f.scripts and f.style in styles]
    found = tuple(family for family in wanted if family.files)
    if not found and style not in (None, Style.SYMBOL):
        return families(script, split)
    if not found:
        packages = ", ".join(sorted({family.package for family in wanted}))
        raise RuntimeError(
            f"no {split.value} font for {script.value} under {FONTS_ROOT}: "
            f"run `make system-training`, which installs {packages}"
        )
    return found


def pick(
    rng: np.random.Generator,
    script: Script,
    split: Split,
    style: Style | None = None,
    text: str = "",
) -> FontFace:
    """A face drawn at random, each family as likely as the next, that has all the characters of `text`.

    Falls back to any style of the script where the style has no such face.

    Raises:
        RuntimeError: no installed face of the split has them.
    """
    candidates = families(script, split, style)
    for position in rng.permutation(len(candidates)):
        family = candidates[int(position)]
        path, index = family.files[int(rng.integers(len(family.files)))]
        face = FontFace(path, index, family.design, family.style, script)
        if face.covers(text):
            return face
    if style is not None:
        return pick(rng, script, split, None, text)
    raise RuntimeError(
        f"no {split.value} font for {script.value} has all of {text!r}: run `make system-training` to install them all"
    )
