"""What desks stamp: the mix of stamps, and dies that exist for each of them."""

import numpy as np
import pytest

from training.synth.die import DieKind, die_spec
from training.synth.fonts import Split
from training.synth.impression import LINE_KINDS, SPECTRA, pick_angle, pick_ink
from training.synth.lookalikes import Sheet
from training.synth.scenes import KINDS, Order, draw_scene


def _orders(count: int) -> list[Order]:
    rng = np.random.default_rng(1)
    return [order for _ in range(count) for order in draw_scene(rng).orders]


def test_about_half_of_all_stamps_are_words_and_dates() -> None:
    orders = _orders(800)
    assert 0.4 < np.mean([order.kind in LINE_KINDS for order in orders]) < 0.6
    assert {order.kind for order in orders} == set(DieKind)
    assert sum(KINDS.values()) == pytest.approx(1)


@pytest.mark.parametrize("split", list(Split))
def test_there_is_a_die_and_an_ink_for_every_order(split: Split) -> None:
    rng = np.random.default_rng(2)
    for family, order in enumerate(dict.fromkeys(_orders(400))):
        assert die_spec(family, 0, split, order.kind, order.script).design.elements
        assert pick_ink(rng, order.kind, order.inks).name in (order.inks or SPECTRA)


def test_words_are_nearly_upright_and_round_seals_at_any_angle() -> None:
    rng = np.random.default_rng(3)
    words = np.abs([pick_angle(rng, DieKind.WORD) for _ in range(600)])
    seals = np.abs([pick_angle(rng, DieKind.ROUND) for _ in range(600)])
    assert np.median(words) < 4
    assert (words > 20).mean() > 0.05
    assert np.median(seals) > 15
    assert (seals > 90).mean() > 0.1


def test_the_empty_part_of_a_sheet_is_found() -> None:
    page = np.full((300, 200, 3), 245, np.uint8)
    page[:200, ::2] = 20
    sheet = Sheet(page, 5.0, np.random.default_rng(4), Split.TRAIN)
    assert sheet.is_blank(20, 220, 60, 40)
    assert not sheet.is_blank(20, 100, 60, 40)
    _, y = sheet.blank(60, 40, 60)
    assert y >= 200
