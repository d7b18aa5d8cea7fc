"""What is stamped on one page, in which order: the habits of desks, notaries and companies in several countries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from training.synth.die import DieKind
from training.synth.fonts import Script


class Spot(Enum):
    """Where on the page a clerk puts a stamp."""

    SIGNING = "signing"
    HEAD = "head"
    EDGE = "edge"
    BESIDE = "beside"
    BLANK = "blank"
    ANYWHERE = "anywhere"


@dataclass(frozen=True, slots=True)
class Order:
    """One stamp to be struck; without a script or inks, any of the die's and of the trade's will do."""

    kind: DieKind
    spot: Spot
    script: Script | None = None
    inks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """The stamps of a page, and how many adhesive revenue stamps are glued on it before."""

    orders: tuple[Order, ...]
    adhesive: int = 0


KINDS: dict[DieKind, float] = {
    DieKind.WORD: 0.27,
    DieKind.DATE: 0.15,
    DieKind.RECTANGLE: 0.14,
    DieKind.ROUND: 0.12,
    DieKind.OVAL: 0.06,
    DieKind.STAR_ROUND: 0.05,
    DieKind.NAME_SEAL: 0.06,
    DieKind.TRIANGLE: 0.04,
    DieKind.MOTIF: 0.06,
    DieKind.NOTARY: 0.03,
    DieKind.POSTMARK: 0.02,
}
_SPOTS: dict[Spot, float] = {
    Spot.SIGNING: 0.24,
    Spot.HEAD: 0.16,
    Spot.EDGE: 0.08,
    Spot.BESIDE: 0.1,
    Spot.BLANK: 0.2,
    Spot.ANYWHERE: 0.22,
}
_PADS = ("blue", "blue", "violet", "red", "black", "green")


def _kind(rng: np.random.Generator) -> DieKind:
    return list(KINDS)[int(rng.choice(len(KINDS), p=list(KINDS.values())))]


def _spot(rng: np.random.Generator) -> Spot:
    return list(_SPOTS)[int(rng.choice(len(_SPOTS), p=list(_SPOTS.values())))]


def _one(rng: np.random.Generator) -> Scene:
    return Scene((Order(_kind(rng), _spot(rng)),))


def _several(rng: np.random.Generator) -> Scene:
    return Scene(tuple(Order(_kind(rng), _spot(rng)) for _ in range(int(rng.choice([2, 2, 2, 3, 3, 4, 6])))))


def _office(rng: np.random.Generator) -> Scene:
    """Incoming mail or a paid bill: dates, words and boxes from one pad, near each other."""
    inks = (_PADS[int(rng.integers(len(_PADS)))],)
    kinds = (DieKind.WORD, DieKind.WORD, DieKind.DATE, DieKind.DATE, DieKind.RECTANGLE)
    first = Spot.HEAD if rng.random() < 0.5 else Spot.BLANK
    orders = [Order(kinds[int(rng.integers(len(kinds)))], first, None, inks)]
    for _ in range(int(rng.integers(0, 3))):
        spot = Spot.BESIDE if rng.random() < 0.7 else _spot(rng)
        orders.append(Order(kinds[int(rng.integers(len(kinds)))], spot, None, inks if rng.random() < 0.7 else ()))
    return Scene(tuple(orders))


def _signed(rng: np.random.Generator) -> Scene:
    """A round seal over the signature, and often the name or title of who signs below it."""
    script = (Script.LATIN, Script.LATIN, Script.CYRILLIC, Script.CYRILLIC, Script.ARABIC)[int(rng.integers(5))]
    inks = ("blue", "violet") if rng.random() < 0.75 else ()
    orders = [Order(DieKind.ROUND, Spot.SIGNING, script, inks)]
    if rng.random() < 0.6:
        orders.append(Order(DieKind.WORD, Spot.SIGNING, script, inks))
    if rng.random() < 0.2:
        orders.append(Order(DieKind.ROUND, Spot.SIGNING, script, inks))
    return Scene(tuple(orders))


def _chinese(rng: np.random.Generator) -> Scene:
    """Red: the round seal with its star, an oval one on invoices, a square name seal beside them."""
    red = ("red",)
    orders = [Order(DieKind.STAR_ROUND if rng.random() < 0.7 else DieKind.OVAL, Spot.SIGNING, Script.CJK, red)]
    others = (*[DieKind.NAME_SEAL] * 3, DieKind.STAR_ROUND, DieKind.OVAL, DieKind.RECTANGLE, DieKind.DATE)
    for _ in range(int(rng.choice([0, 1, 1, 1, 2, 3]))):
        spot = Spot.BESIDE if rng.random() < 0.5 else _spot(rng)
        orders.append(Order(others[int(rng.integers(len(others)))], spot, Script.CJK, red))
    return Scene(tuple(orders))


def _vietnamese(rng: np.random.Generator) -> Scene:
    """A red seal over the left of the signature, the signer's name below it, a blue number of arrival at the head."""
    seal = DieKind.STAR_ROUND if rng.random() < 0.5 else DieKind.ROUND
    orders = [Order(seal, Spot.SIGNING, Script.LATIN, ("red",))]
    if rng.random() < 0.6:
        orders.append(Order(DieKind.WORD, Spot.SIGNING, Script.LATIN, ("red", "blue", "blue")))
    if rng.random() < 0.35:
        orders.append(Order(DieKind.RECTANGLE, Spot.HEAD, Script.LATIN, ("red", "blue")))
    return Scene(tuple(orders))


def _notarial(rng: np.random.Generator) -> Scene:
    """An attested page: seals and boxes many times over, revenue stamps glued on and cancelled."""
    inks = (("violet", "blue"), ("violet",), ("blue",), ("blue", "violet", "red"))[int(rng.integers(4))]
    kinds = (DieKind.ROUND, DieKind.NOTARY, DieKind.RECTANGLE, DieKind.WORD, DieKind.WORD, DieKind.RECTANGLE)
    orders = [Order(DieKind.NOTARY if rng.random() < 0.5 else DieKind.ROUND, Spot.SIGNING, Script.LATIN, inks)]
    for _ in range(int(rng.integers(2, 6))):
        spot = (Spot.SIGNING, Spot.BESIDE, Spot.BLANK, Spot.ANYWHERE)[int(rng.integers(4))]
        orders.append(Order(kinds[int(rng.integers(len(kinds)))], spot, Script.LATIN, inks))
    return Scene(tuple(orders), int(rng.choice([0, 1, 1, 2, 3])))


_SCENES: tuple[tuple[float, Callable[[np.random.Generator], Scene]], ...] = (
    (0.36, _one),
    (0.16, _several),
    (0.18, _office),
    (0.1, _signed),
    (0.09, _chinese),
    (0.06, _vietnamese),
    (0.05, _notarial),
)


def draw_scene(rng: np.random.Generator) -> Scene:
    """Draw what happens to a stamped page: about half of all stamps are words and dates."""
    return _SCENES[int(rng.choice(len(_SCENES), p=[share for share, _ in _SCENES]))][1](rng)
