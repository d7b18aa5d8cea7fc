"""Pairs of impressions that are hard to judge, each with the verdicts that may be given on it.

`python -m tests.verdicts.cases OUT.png` draws all of them, with their names, on one sheet.
"""

import sys
import zlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from stamp2vec.values import Verdict
from tests.verdicts.captures import BLUE, Capture, Scan, strike
from tests.verdicts.seals import Design, Emblem, Layout, draw, face_of
from training.synth.fonts import Script

Crop = npt.NDArray[np.uint8]

# None of these pairs is of mirror images but those that say so, so MIRRORED is wrong on all others.
NEVER_SAME = frozenset({Verdict.DIFFERENT, Verdict.SAME_LAYOUT, Verdict.CANNOT_TELL})
NEVER_DIFFERENT = frozenset({Verdict.SAME, Verdict.SAME_LAYOUT, Verdict.CANNOT_TELL})
ONLY_MIRRORED = frozenset({Verdict.MIRRORED})
ONLY_CANNOT_TELL = frozenset({Verdict.CANNOT_TELL})

CLEAN = Capture()
COARSE, FINE = Capture(dpi=150), Capture(dpi=600)
TINY = Capture(dpi=64)  # a round seal is then at most 120 pixels wide, with its margin
GREY, IN_BLUE = Capture(scan=Scan.GREY), Capture(ink=BLUE)
SIDEWAYS, UPSIDE_DOWN = Capture(degrees=90), Capture(degrees=180)
ONE_SIDED = Capture(lost_at_one_side=0.9)
PRINTED_OVER = Capture(printed_over=True)
FAXED = Capture(scan=Scan.FAX, dpi=200, ink=BLUE)
FAINT = Capture(density=0.16)
LEFT_HALF = Capture(kept=0.5)
MIRRORED = Capture(mirrored=True)
BLANK = Capture(density=0)

TIMBER = Design(Layout.ROUND, "NORDQUIST TIMBER EXPORT LTD", "INVOICES", "ROTTERDAM")
GEARS = Design(
    Layout.ROUND, "ТОРГОВЫЙ ДОМ «ПОЛЯРНАЯ ШЕСТЕРНЯ»", "КАНЦЕЛЯРИЯ", "МУРМАНСК", Script.CYRILLIC, emblem=Emblem.SHIELD
)
TRADE = Design(
    Layout.ROUND, "上海华东机械贸易有限公司", "合同专用章", "3101150028417", Script.CJK, typeface="wqy-zenhei"
)
SOLICITORS = Design(Layout.RECTANGLE, "BLACKWOOD & SONS SOLICITORS", "RECEIVED 14 MAR 2024", "No. 04817")
BANK = Design(
    Layout.RECTANGLE,
    "АО «ПРИМОРСКИЙ БАНК»",
    "ПОЛУЧЕНО 07.11.2023",
    "Вх. № 2568",
    Script.CYRILLIC,
    typeface="dejavu-serif",
    rings=1,
)
MUSEUM = Design(
    Layout.OVAL,
    "MUSEUM OF NATURAL HISTORY",
    "LIBRARY",
    "EDINBURGH",
    typeface="liberation-narrow",
    emblem=Emblem.CROWN,
)
CLINIC = Design(Layout.OVAL, "ГОРОДСКАЯ ПОЛИКЛИНИКА № 12", "ДЛЯ СПРАВОК", "ТВЕРЬ", Script.CYRILLIC, rings=3)
FORTY_LETTERS = Design(Layout.ROUND, "NORTHERN HARBOURS FREIGHT AND STORAGE COMPANY", "CARGO", "HULL")

DESIGNS = {
    "round latin": TIMBER,
    "round cyrillic": GEARS,
    "round cjk": TRADE,
    "rectangle latin": SOLICITORS,
    "rectangle cyrillic": BANK,
    "oval latin": MUSEUM,
    "oval cyrillic": CLINIC,
}

CLEAN_PAIRS = {
    "clean": (CLEAN, CLEAN),
    "150 against 600 dpi": (COARSE, FINE),
    "grey against blue": (GREY, IN_BLUE),
    "turned by 90 degrees": (CLEAN, SIDEWAYS),
    "upside down": (CLEAN, UPSIDE_DOWN),
}
POOR_PAIRS = {
    "pressed lightly on one side": (CLEAN, ONE_SIDED),
    "with print over it": (CLEAN, PRINTED_OVER),
    "fax": (CLEAN, FAXED),
    "very faint": (CLEAN, FAINT),
    "left half": (CLEAN, LEFT_HALF),
}

SIBLINGS = {
    "another firm, latin": (TIMBER, replace(TIMBER, upper="HALVORSEN MARBLE IMPORT INC")),
    "another firm, cyrillic": (GEARS, replace(GEARS, upper="ТОРГОВЫЙ ДОМ «БАЛТИЙСКИЙ КРАНОВЩИК»")),
    "another firm, cjk": (TRADE, replace(TRADE, upper="上海宏远电子科技有限公司")),
    "another firm, rectangle": (SOLICITORS, replace(SOLICITORS, upper="WHITFIELD & CO. ARCHITECTS")),
    "another firm, oval": (MUSEUM, replace(MUSEUM, upper="INSTITUTE OF MARINE BIOLOGY")),
    "another word of the firm": (TIMBER, replace(TIMBER, upper="NORDQUIST MARBLE EXPORT LTD")),
    "another bank": (BANK, replace(BANK, upper="АО «ПРИБАЛТИЙСКИЙ БАНК»")),
    "another city, latin": (TIMBER, replace(TIMBER, lower="DORDRECHT")),
    "another city, cyrillic": (GEARS, replace(GEARS, lower="МЕДНОГОРСК")),
    "another city, cjk": (TRADE, replace(TRADE, upper="南京华东机械贸易有限公司")),
    "another city, oval": (CLINIC, replace(CLINIC, lower="ПЕРМЬ")),
    "another word in the centre, latin": (TIMBER, replace(TIMBER, centre="CUSTOMS")),
    "another word in the centre, cyrillic": (GEARS, replace(GEARS, centre="БУХГАЛТЕРИЯ")),
    "another word in the centre, cjk": (TRADE, replace(TRADE, centre="财务专用章")),
    "another word in the centre, oval": (MUSEUM, replace(MUSEUM, centre="ARCHIVE")),
    "letter E for F": (TIMBER, replace(TIMBER, upper="NORDQUIST TIMBFR EXPORT LTD")),
    "letter Q for O": (TIMBER, replace(TIMBER, upper="NORDOUIST TIMBER EXPORT LTD")),
    "letter G for C": (MUSEUM, replace(MUSEUM, lower="EDINBURCH")),
    "letter En for Pe": (GEARS, replace(GEARS, lower="МУРМАПСК")),
    "letter Sha for Shcha": (replace(GEARS, lower="ШАТУРА"), replace(GEARS, lower="ЩАТУРА")),
    "letter T for L": (TIMBER, replace(TIMBER, upper="NORDQUIST LIMBER EXPORT LTD")),
    "letter B for R": (SOLICITORS, replace(SOLICITORS, upper="BLACKWOOD & SONS SOLICITOBS")),
    "letter Em for Pe": (BANK, replace(BANK, upper="АО «ПРИПОРСКИЙ БАНК»")),
    "a character like the other": (TRADE, replace(TRADE, upper="上海毕东机械贸易有限公司")),
    "a character unlike the other": (TRADE, replace(TRADE, upper="上海华南机械贸易有限公司")),
    "digit 1 for 7": (SOLICITORS, replace(SOLICITORS, lower="No. 04877")),
    "digit 6 for 8": (BANK, replace(BANK, lower="Вх. № 2588")),
    "digit 2 for 3, oval": (CLINIC, replace(CLINIC, upper="ГОРОДСКАЯ ПОЛИКЛИНИКА № 13")),
    "digit 8 for 3, cjk": (TRADE, replace(TRADE, lower="3101150023417")),
    "another date, latin": (SOLICITORS, replace(SOLICITORS, centre="RECEIVED 23 OCT 2024")),
    "another date, cyrillic": (BANK, replace(BANK, centre="ПОЛУЧЕНО 26.04.2023")),
    "another date, by a digit": (SOLICITORS, replace(SOLICITORS, centre="RECEIVED 14 MAR 2021")),
    "another emblem": (TIMBER, replace(TIMBER, emblem=Emblem.CROWN)),
    "a star of six points": (TIMBER, replace(TIMBER, emblem=Emblem.SIX_POINTS)),
    "another emblem, oval": (MUSEUM, replace(MUSEUM, emblem=Emblem.SHIELD)),
    "one more ring": (TIMBER, replace(TIMBER, rings=3)),
    "one ring fewer": (GEARS, replace(GEARS, rings=1)),
    "one more frame": (BANK, replace(BANK, rings=2)),
    "another typeface, latin": (TIMBER, replace(TIMBER, typeface="dejavu-serif")),
    "another typeface, cyrillic": (GEARS, replace(GEARS, typeface="liberation-narrow")),
    "another weight": (TIMBER, replace(TIMBER, bold=False)),
    "another layout, oval for round": (TIMBER, replace(TIMBER, layout=Layout.OVAL)),
    "another layout, emblem below": (GEARS, replace(GEARS, emblem_above=False)),
}

WORD = SIBLINGS["another word of the firm"]
LETTER = SIBLINGS["letter T for L"]
DIGIT = SIBLINGS["digit 6 for 8"]
POOR_SIBLINGS = {
    "one letter, 150 against 600 dpi": (LETTER, (COARSE, FINE)),
    "one letter, turned by 90 degrees": (LETTER, (CLEAN, SIDEWAYS)),
    "one letter, pressed lightly on one side": (LETTER, (CLEAN, ONE_SIDED)),
    "one letter, very faint": (LETTER, (CLEAN, FAINT)),
    "one digit, 150 dpi": (DIGIT, (COARSE, COARSE)),
    "one digit, fax": (DIGIT, (CLEAN, FAXED)),
    "one digit, with print over it": (DIGIT, (CLEAN, PRINTED_OVER)),
    "one digit, very faint": (DIGIT, (CLEAN, FAINT)),
    "one word, fax": (WORD, (FAXED, FAXED)),
    "one word, very faint": (WORD, (CLEAN, FAINT)),
    "one word, left half": (WORD, (CLEAN, LEFT_HALF)),
    "one word of forty letters, 120 pixels": (
        (FORTY_LETTERS, replace(FORTY_LETTERS, upper="NORTHERN HARBOURS SALVAGE AND STORAGE COMPANY")),
        (TINY, TINY),
    ),
}


@dataclass(frozen=True, slots=True)
class Case:
    """Two impressions, and the verdicts that may be given on them."""

    name: str
    dies: tuple[Design, Design]
    captures: tuple[Capture, Capture]
    acceptable: frozenset[Verdict]

    def crops(self) -> tuple[Crop, Crop]:
        """Both, uint8 (H, W, 3); the name is their seed, so that no other case changes them."""
        (die, other), (capture, second) = self.dies, self.captures
        return (
            strike(draw(die), zlib.crc32(f"{self.name}, first".encode()), capture),
            strike(draw(other), zlib.crc32(f"{self.name}, second".encode()), second),
        )


CLEAN_GENUINE = [
    Case(f"{seal}, {how}", (design, design), captures, NEVER_DIFFERENT)
    for seal, design in DESIGNS.items()
    for how, captures in CLEAN_PAIRS.items()
]
POOR_GENUINE = [
    Case(f"{seal}, {how}", (DESIGNS[seal], DESIGNS[seal]), captures, NEVER_DIFFERENT)
    for seal in ("round latin", "round cjk", "rectangle cyrillic", "oval latin")
    for how, captures in POOR_PAIRS.items()
]
CLEAN_SIBLINGS = [Case(name, dies, (CLEAN, CLEAN), NEVER_SAME) for name, dies in SIBLINGS.items()]
OTHERS = [
    *(Case(name, dies, captures, NEVER_SAME) for name, (dies, captures) in POOR_SIBLINGS.items()),
    *(
        Case(f"mirrored, {seal}", (DESIGNS[seal], DESIGNS[seal]), (CLEAN, MIRRORED), ONLY_MIRRORED)
        for seal in ("round latin", "round cjk", "rectangle cyrillic", "oval latin")
    ),
    Case("white paper against a stamp", (TIMBER, TIMBER), (BLANK, CLEAN), ONLY_CANNOT_TELL),
    Case("a stamp against white paper", (BANK, BANK), (CLEAN, BLANK), ONLY_CANNOT_TELL),
    Case("white paper against white paper", (TIMBER, TIMBER), (BLANK, BLANK), ONLY_CANNOT_TELL),
]
CASES = [*CLEAN_GENUINE, *POOR_GENUINE, *CLEAN_SIBLINGS, *OTHERS]


def sheet(cases: list[Case], columns: int = 5, side: int = 230) -> Image.Image:
    """All pairs in rows, the two crops of a pair beside each other and its name below them."""
    width, height = 2 * side + 16, side + 26
    found = Image.new("RGB", (columns * width, -(-len(cases) // columns) * height), (128, 128, 128))
    font = face_of("tinos", Script.LATIN, bold=False).at(17)
    for place, case in enumerate(cases):
        left, top = place % columns * width, place // columns * height
        for at, crop in enumerate(case.crops()):
            image = Image.fromarray(crop)
            image.thumbnail((side, side), Image.Resampling.BOX)
            found.paste(image, (left + at * (side + 4), top))
        ImageDraw.Draw(found).text((left + 2, top + side + 2), case.name, fill="white", font=font)
    return found


if __name__ == "__main__":
    sheet(CASES).save(sys.argv[1])
