"""What the product says of pairs of impressions that it was not trained on, which no code of training drew.

The cases are few and fixed: they show what must never be said, not how often it is; training/evaluate measures that.
"""

from collections.abc import Callable
from functools import cache

import pytest

from stamp2vec.pipelines import ComparisonPipeline
from stamp2vec.values import Comparison, Preset, Verdict
from tests.verdicts.cases import CASES, CLEAN_GENUINE, Case

pytestmark = pytest.mark.usefixtures("typefaces")

SAME_SHARE = 0.9  # of clean pairs of one die, at least
WITH_A_REASON = (Verdict.CANNOT_TELL, Verdict.SAME_LAYOUT, Verdict.MIRRORED)
BY_NAME = {case.name: case for case in CASES}
IN_BOTH_ORDERS = (
    "round latin, clean",
    "oval latin, 150 against 600 dpi",
    "rectangle cyrillic, left half",
    "letter Q for O",
    "another emblem",
    "mirrored, round cjk",
    "white paper against a stamp",
)

# Strictly expected to fail: a network that sees them must leave this list, and docs/decisions/0029 with it.
TAKEN_FOR_ONE_DIE = {
    "digit 8 for 3, cjk": "the two digits differ in 64 pixels of ink",
    "one digit, 150 dpi": "at 150 dpi a 6 differs from an 8 by less than ink spreads",
    "one more ring": "a thin line that only one of them has looks like ink that the other lost",
    "one more frame": "a thin line that only one of them has looks like ink that the other lost",
}

Judge = Callable[[Case], Comparison]


def _expected(case: Case) -> object:
    reason = TAKEN_FOR_ONE_DIE.get(case.name)
    marks = [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
    return pytest.param(case, id=case.name, marks=marks)


@pytest.fixture(scope="module", params=list(Preset))
def pipeline(request: pytest.FixtureRequest) -> ComparisonPipeline:
    return ComparisonPipeline.from_preset(request.param)


@pytest.fixture(scope="module")
def judge(pipeline: ComparisonPipeline) -> Judge:
    """What the preset says of a case, asked once."""
    return cache(lambda case: pipeline(*case.crops()))


@pytest.mark.parametrize("case", list(map(_expected, CASES)))
def test_a_verdict_is_one_of_the_acceptable(judge: Judge, case: Case) -> None:
    found = judge(case)
    assert found.verdict in case.acceptable, f"{found.verdict} with probability {found.probability}: {found.reason}"
    assert bool(found.reason) is (found.verdict in WITH_A_REASON)


def test_most_clean_pairs_of_one_die_are_called_the_same(judge: Judge) -> None:
    missed = {case.name: judge(case).probability for case in CLEAN_GENUINE if judge(case).verdict is not Verdict.SAME}
    assert len(CLEAN_GENUINE) - len(missed) >= SAME_SHARE * len(CLEAN_GENUINE), missed


@pytest.mark.parametrize("name", IN_BOTH_ORDERS)
def test_the_order_of_two_stamps_does_not_matter(pipeline: ComparisonPipeline, judge: Judge, name: str) -> None:
    found = judge(BY_NAME[name])
    first, second = BY_NAME[name].crops()
    again = pipeline(second, first)
    assert again.verdict is found.verdict
    assert again.probability == pytest.approx(found.probability, abs=1e-4)
