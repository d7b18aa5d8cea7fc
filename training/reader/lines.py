"""Lines of text as strips of stamps show them: of every writing, worn, bordered, and either way up."""

import string
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from glob import glob
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from training.synth import words
from training.synth.fonts import FONTS_ROOT, FontFace, Script, Split, Style, pick
from training.synth.impression import blur, texture

HEIGHT_PX = 64

_PHRASES = """
    CÔNG TY, CỔ PHẦN, TRÁCH NHIỆM, HỮU HẠN, THƯƠNG MẠI, DỊCH VỤ, XÂY DỰNG, ĐẦU TƯ, PHÁT TRIỂN, ĐÃ THANH TOÁN, HÀ NỘI,
    ĐÃ THU TIỀN, THÀNH PHỐ, HỒ CHÍ MINH, QUẬN, HUYỆN, TỈNH, ỦY BAN, NHÂN DÂN, SỞ KẾ HOẠCH, VĂN PHÒNG, CHI NHÁNH,
    KẾ TOÁN, NGÂN HÀNG, GIÁM ĐỐC, TRƯỞNG PHÒNG, BẢN SAO, CHỨNG THỰC, ĐÀ NẴNG, CẦN THƠ, HẢI PHÒNG, VIỆT NAM, SỐ,
    PHƯỜNG, ĐƯỜNG, NGUYỄN, TRẦN, PHẠM, HUỲNH, VÕ, ĐẶNG, BỆNH VIỆN, TRƯỜNG ĐẠI HỌC, KHOA HỌC, CÔNG NGHỆ, SẢN XUẤT,
    VẬN TẢI, ĐÃ DUYỆT, XUẤT NHẬP KHẨU, BẢO HIỂM, DU LỊCH, KIỂM TRA
"""
VIETNAMESE = tuple(phrase.strip() for phrase in _PHRASES.split(","))
_VIETNAMESE_LETTERS = "ẠẢẤẦẨẪẬẮẰẲẴẶẸẺẼẾỀỂỄỆỈỊỌỎỐỒỔỖỘỚỜỞỠỢỤỦỨỪỬỮỰỲỴỶỸĐƠƯĂ"
_LATIN_LETTERS = string.ascii_uppercase + "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŁŚŻŹĆĄĘŃŠČŘŽŐŰĞİŞ"
_CYRILLIC_LETTERS = "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЇЄҐҚҒӘӨҰҮЎЋЉЊ"
_ALIKE_LATIN, _ALIKE_CYRILLIC = "ABCEHKMOPTXY", "АВСЕНКМОРТХУ"

# First and last letter of alphabets that no engine reads, and the font files that have them. Greek is not among them:
# its capitals look like Latin ones, and PP-OCR tells them apart.
_OTHERS = (
    ("Ա", "Ֆ", "Armenian"),
    ("ა", "ჰ", "Georgian"),
    ("א", "ת", "Hebrew"),
    ("ก", "ฮ", "Thai"),
    ("अ", "ह", "Devanagari"),
    ("অ", "হ", "Bengali"),
    ("அ", "ஹ", "Tamil"),
    ("አ", "ኸ", "Ethiopic"),
    ("ក", "ហ", "Khmer"),
    ("가", "힣", "CJK"),
)


class Kind(Enum):
    """What is drawn."""

    LATIN = "latin"
    VIETNAMESE = "vietnamese"
    CYRILLIC = "cyrillic"
    HAN = "han"
    ARABIC = "arabic"
    OTHER = "other"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Letter:
    """A character on a strip, and the columns that it takes.

    One that is `cut`, above or below, can perhaps be read, and perhaps not.
    """

    character: str
    left: float
    right: float
    upside_down: bool = False
    cut: bool = False

    def turned(self, width: int) -> Self:
        """On the same strip turned by half a turn."""
        return replace(self, left=width - self.right, right=width - self.left, upside_down=not self.upside_down)


@dataclass(frozen=True, slots=True)
class Line:
    """A strip, uint8 (64, W), dark on light, and its letters from left to right."""

    pixels: NDArray[np.uint8]
    letters: tuple[Letter, ...]

    def turned(self) -> Self:
        """By half a turn."""
        width = self.pixels.shape[1]
        letters = tuple(letter.turned(width) for letter in reversed(self.letters))
        return replace(self, pixels=self.pixels[::-1, ::-1], letters=letters)


def draw(rng: np.random.Generator, kind: Kind, split: Split, wear: float | None = None) -> Line:
    """A line of a kind; `wear` is the share of ink that is missing, drawn up to 0.4 unless it is given.

    RuntimeError where the fonts of `make system-training` are not installed.
    """
    text, face = text_of(rng, kind, split)
    size = int(rng.integers(22, 60 if kind in (Kind.HAN, Kind.OTHER) else 84))
    relief, letters = (_ornaments(rng), ()) if kind is Kind.NONE else _set(rng, text, face, size)
    relief = _framed(rng, relief)
    ink = worn(rng, relief, rng.uniform(0, 0.4) * float(rng.random() < 0.5) if wear is None else wear)
    paper = rng.uniform(200, 255)
    pixels = paper - ink * rng.uniform(0.5, 1) * paper + rng.normal(0, rng.uniform(0, 8), ink.shape)
    return Line(np.asarray(np.clip(pixels, 0, 255), np.uint8), letters)


def text_of(rng: np.random.Generator, kind: Kind, split: Split) -> tuple[str, FontFace]:
    """A text of a kind, in NFC, and a face that has its letters. RuntimeError without fonts."""
    text, face = _SOURCES[kind](rng, split)
    return unicodedata.normalize("NFC", text), face


def _latin(rng: np.random.Generator, split: Split) -> tuple[str, FontFace]:
    return _written(rng, split, Script.LATIN, _LATIN_LETTERS, _ALIKE_LATIN)


def _cyrillic(rng: np.random.Generator, split: Split) -> tuple[str, FontFace]:
    return _written(rng, split, Script.CYRILLIC, _CYRILLIC_LETTERS, _ALIKE_CYRILLIC)


def _han(rng: np.random.Generator, split: Split) -> tuple[str, FontFace]:
    return _written(rng, split, Script.CJK, "", "")


def _arabic(rng: np.random.Generator, split: Split) -> tuple[str, FontFace]:
    return _written(rng, split, Script.ARABIC, "", "")


def _written(rng: np.random.Generator, split: Split, script: Script, letters: str, alike: str) -> tuple[str, FontFace]:
    """Words of a script, or letters in random order; those of `alike` more often, for they are hard to tell."""
    shape = rng.random()
    if letters and shape < 0.3:
        pool = alike if rng.random() < 0.1 else letters
        text = "".join(rng.choice(list(pool), int(rng.integers(3, 16))))
    elif script is Script.LATIN and shape < 0.55:
        text = (words.date, words.serial, words.phone)[int(rng.integers(3))](rng, script)
    else:
        sources = (words.company_name, words.city, words.purpose, words.department, words.title, words.person_name)
        text = sources[int(rng.integers(len(sources)))](rng, script)
    text = text.upper() if rng.random() < 0.6 else text
    face = pick(rng, script, split)
    text = "".join(character for character in text if character == " " or face.covers(character)).strip()
    return text or "1", face


def _vietnamese(rng: np.random.Generator, split: Split) -> tuple[str, FontFace]:
    count = int(rng.integers(1, 5))
    text = " ".join(rng.choice(VIETNAMESE, count))
    if rng.random() < 0.2:
        text = "".join(rng.choice(list(_VIETNAMESE_LETTERS + _LATIN_LETTERS[:26]), int(rng.integers(6, 16))))
    text = text if rng.random() < 0.7 else text.title() if rng.random() < 0.5 else text.lower()
    face = pick(rng, Script.LATIN, split, text=text)
    return text, face


def other_text(rng: np.random.Generator, split: Split) -> tuple[str, FontFace]:
    """Letters of a script that no engine reads, and a face that has them. RuntimeError where no font is installed."""
    first, last, name = _OTHERS[int(rng.integers(len(_OTHERS)))]
    path, index = _files(name, split)[int(rng.integers(len(_files(name, split))))]
    face = FontFace(path, index, name, Style.SANS, Script.LATIN)  # of no script that the stamp world has
    pool = [chr(code) for code in rng.integers(ord(first), ord(last) + 1, 60)]
    text = "".join(letter for letter in pool if face.covers(letter))[: int(rng.integers(3, 18))]
    return text, face


def _none(rng: np.random.Generator, split: Split) -> tuple[str, FontFace]:
    face = pick(rng, Script.LATIN, split)
    return "", face


_SOURCES: dict[Kind, Callable[[np.random.Generator, Split], tuple[str, FontFace]]] = {
    Kind.LATIN: _latin,
    Kind.VIETNAMESE: _vietnamese,
    Kind.CYRILLIC: _cyrillic,
    Kind.HAN: _han,
    Kind.ARABIC: _arabic,
    Kind.OTHER: other_text,
    Kind.NONE: _none,
}


@lru_cache(maxsize=32)
def _files(name: str, split: Split) -> list[tuple[str, int]]:
    """Font files of an alphabet: bold ones of TRAIN are not those of TEST. RuntimeError without any."""
    weight = "Bold" if split is Split.TEST else "Regular"
    if name == "CJK":
        return [(path, 1) for path in sorted(glob(f"{FONTS_ROOT}/opentype/noto/NotoS*CJK-{weight}.ttc"))]
    found = [(path, 0) for path in sorted(glob(f"{FONTS_ROOT}/truetype/noto/NotoS*{name}-{weight}.ttf"))]
    if not found:
        raise RuntimeError(f"no font {name}-{weight} under {FONTS_ROOT}: run `make system-training`")
    return found


def _set(
    rng: np.random.Generator, text: str, face: FontFace, size: int
) -> tuple[NDArray[np.float32], tuple[Letter, ...]]:
    """The text as relief, float32 (64, W), 1 where it prints, and where its letters are.

    Often letter-spaced, squeezed or thickened; too large or too far off for the strip, its letters are cut.
    """
    font = face.at(size)
    shaped = face.script is Script.ARABIC
    gap = 0.0 if shaped or rng.random() < 0.4 else rng.uniform(0, 0.9) ** 2 * size
    stroke = int(rng.integers(0, 1 + size // 20))
    parts = text.split(" ") if shaped else list(text)
    space = font.getlength(" ")
    widths = [font.getlength(part) + (space if shaped else gap) for part in parts]
    edges = 20 + np.cumsum([0.0, *widths])
    image = Image.new("L", (int(edges[-1]) + 40, 3 * HEIGHT_PX), 0)
    pen = ImageDraw.Draw(image)
    if shaped or gap == 0:
        pen.text((20, 1.5 * HEIGHT_PX), text, 255, font, "lm", stroke_width=stroke)
        edges = edges if not shaped else edges[-1] + 20 - edges[::-1]  # from right to left
        parts = parts if not shaped else parts[::-1]
    else:
        for left, part in zip(edges, parts, strict=False):
            pen.text((left + gap / 2, 1.5 * HEIGHT_PX), part, 255, font, "lm", stroke_width=stroke)
    rows = np.flatnonzero(np.asarray(image).any(1))
    middle = int(rows[0] + rows[-1]) // 2 if len(rows) else 96
    top = middle - HEIGHT_PX // 2 + int(rng.integers(-8, 9))
    is_cut = len(rows) > 0 and (rows[0] < top - 3 or rows[-1] >= top + HEIGHT_PX + 3)
    cut = image.crop((0, top, image.width, top + HEIGHT_PX))
    squeeze = rng.uniform(0.6, 1.3)
    cut = cut.resize((max(24, round(cut.width * squeeze)), HEIGHT_PX), Image.Resampling.BILINEAR)
    scale = cut.width / image.width
    letters = tuple(
        Letter(part, float(left * scale), float(right * scale), cut=bool(is_cut))
        for part, left, right in zip(parts, edges, edges[1:], strict=False)
    )
    return np.asarray(cut, np.float32) / np.float32(255), letters


def _ornaments(rng: np.random.Generator) -> NDArray[np.float32]:
    """Stars, dots, strokes, wedges of an emblem, or nothing at all."""
    width = int(rng.integers(40, 400))
    image = Image.new("L", (width, HEIGHT_PX), 0)
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 6))):
        x, y, size = rng.uniform(0, width), rng.uniform(16, 48), rng.uniform(3, 26)
        match int(rng.integers(5)):
            case 0:
                count, depth, turn = int(rng.integers(4, 9)), rng.uniform(0.35, 0.6), rng.uniform(0, 6.3)
                angles = turn + np.arange(2 * count) * np.pi / count
                radii = size * np.where(np.arange(2 * count) % 2, depth, 1)
                pen.polygon(list(zip(x + radii * np.cos(angles), y + radii * np.sin(angles), strict=True)), 255)
            case 1:
                pen.ellipse((x - size / 2, y - size / 2, x + size / 2, y + size / 2), 255)
            case 2:
                right, down = rng.uniform(-2 * size, 2 * size, 2).tolist()
                pen.line((x, y, x + right, y + down), 255, int(rng.integers(1, 6)))
            case 3:
                corners = rng.uniform(-size, size, (int(rng.integers(3, 7)), 2)).tolist()
                pen.polygon([(x + right, y + down) for right, down in corners], 255)
            case 4:
                pen.arc((x - size, y - size, x + size, y + size), rng.uniform(0, 360), rng.uniform(0, 720), 255, 3)
    return np.asarray(image, np.float32) / np.float32(255)


def _framed(rng: np.random.Generator, relief: NDArray[np.float32]) -> NDArray[np.float32]:
    """What reaches into a strip beside its line: rings, a star, the feet of a neighbour."""
    image = Image.fromarray((relief * 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for row in (rng.uniform(-2, 7), rng.uniform(HEIGHT_PX - 8, HEIGHT_PX + 1)):
        if rng.random() < 0.35:
            lean = rng.uniform(-3, 3)
            pen.line((0, row, image.width, row + lean), 255, int(rng.integers(1, 5)))
    framed = np.asarray(image, np.float32) / 255
    scale = rng.uniform(0.45, 1)  # of the strip's own resolution, as of a small or coarsely scanned stamp
    small = Image.fromarray((framed * 255).astype(np.uint8))
    size = (max(8, round(small.width * scale)), round(HEIGHT_PX * scale))
    coarse = small.resize(size, Image.Resampling.BOX).resize(small.size, Image.Resampling.BILINEAR)
    return np.asarray(coarse, np.float32) / np.float32(255)


def worn(rng: np.random.Generator, relief: NDArray[np.float32], wear: float) -> NDArray[np.float32]:
    """The ink, float32 0..1: blurred, and without a share `wear` of it."""
    soft = blur(relief, rng.uniform(0, 1.6))
    if wear <= 0:
        return soft
    field = texture(rng, relief.shape, rng.uniform(2, 6)) + 0.8 * texture(rng, relief.shape, rng.uniform(8, 40))
    level = float(np.quantile(field, wear))
    return np.asarray(soft * np.clip((field - level) * 3 + 0.5, 0, 1), np.float32)
