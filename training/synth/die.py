"""The die: the design that makes two impressions "the same stamp"."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from training.synth.dies.elements import Design
from training.synth.dies.framed import rectangle, triangle
from training.synth.dies.lettering import date, word
from training.synth.dies.pictorial import motif, name_seal, postmark
from training.synth.dies.raster import rasterise
from training.synth.dies.round import notary_seal, oval_seal, round_seal, star_round
from training.synth.dies.slots import Slots
from training.synth.fonts import Script, Split


class DieKind(Enum):
    """The makes of stamp."""

    ROUND = "round"
    OVAL = "oval"
    RECTANGLE = "rectangle"
    TRIANGLE = "triangle"
    WORD = "word"
    DATE = "date"
    STAR_ROUND = "star_round"
    NAME_SEAL = "name_seal"
    POSTMARK = "postmark"
    NOTARY = "notary"
    MOTIF = "motif"


@dataclass(frozen=True, slots=True)
class DieSpec:
    """One die. Siblings of a family share everything in `design` but one name, number, ring or emblem."""

    family: int
    sibling: int
    kind: DieKind
    script: Script
    split: Split
    design: Design


BUILDERS: dict[DieKind, Callable[[Slots], Design]] = {
    DieKind.ROUND: round_seal,
    DieKind.OVAL: oval_seal,
    DieKind.RECTANGLE: rectangle,
    DieKind.TRIANGLE: triangle,
    DieKind.WORD: word,
    DieKind.DATE: date,
    DieKind.STAR_ROUND: star_round,
    DieKind.NAME_SEAL: name_seal,
    DieKind.POSTMARK: postmark,
    DieKind.NOTARY: notary_seal,
    DieKind.MOTIF: motif,
}
FREQUENCY: dict[DieKind, float] = {
    DieKind.ROUND: 0.16,
    DieKind.OVAL: 0.06,
    DieKind.RECTANGLE: 0.13,
    DieKind.TRIANGLE: 0.03,
    DieKind.WORD: 0.23,
    DieKind.DATE: 0.07,
    DieKind.STAR_ROUND: 0.09,
    DieKind.NAME_SEAL: 0.05,
    DieKind.POSTMARK: 0.03,
    DieKind.NOTARY: 0.04,
    DieKind.MOTIF: 0.11,
}
SCRIPT_FREQUENCY: dict[Script, float] = {
    Script.LATIN: 0.6,
    Script.CYRILLIC: 0.16,
    Script.CJK: 0.16,
    Script.ARABIC: 0.08,
}
SIBLING_TRIES = 200
HAN_KINDS = (DieKind.STAR_ROUND, DieKind.NAME_SEAL)


def die_spec(
    family: int, sibling: int, split: Split, kind: DieKind | None = None, script: Script | None = None
) -> DieSpec:
    """The die of that name: the same arguments give the same die for ever.

    `kind` and `script` are drawn from the family's stream unless they are given; a given one makes another family.

    Raises:
        ValueError: the family has not so many siblings. Every family has at least four.
    """
    # The first word keeps the two splits on streams that never meet.
    rng = np.random.default_rng([list(Split).index(split), family])
    kinds, scripts = list(FREQUENCY), list(SCRIPT_FREQUENCY)
    drawn_kind = kinds[int(rng.choice(len(kinds), p=list(FREQUENCY.values())))]
    drawn_script = scripts[int(rng.choice(len(scripts), p=list(SCRIPT_FREQUENCY.values())))]
    kind = kind or drawn_kind
    if script is None:
        script = Script.CJK if kind in HAN_KINDS else drawn_script
    slots = Slots(split, family, script)
    design = BUILDERS[kind](slots)
    names = sorted(set(slots.names))
    order = rng.permutation(len(names))
    known = {design}
    for attempt in range(SIBLING_TRIES):
        if len(known) > sibling:
            break
        varied, redraw = names[int(order[attempt % len(names)])], 1 + attempt // len(names)
        design = BUILDERS[kind](Slots(split, family, script, varied, redraw))
        known.add(design)
    else:
        raise ValueError(f"family {family} has {len(known)} siblings: ask for sibling 0 to {len(known) - 1}")
    return DieSpec(family, sibling, kind, script, split, design)


def render(spec: DieSpec, px_per_mm: float) -> np.ndarray:
    """The die's face as it prints: float32 (H, W), 0..1 rubber coverage, antialiased, tight on the design."""
    return rasterise(spec.design, px_per_mm)
