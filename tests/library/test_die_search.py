"""Which stamps of a document are compared by their ink, and which dies follow."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from stamp2vec.calibration import Verification
from stamp2vec.comparison import DieSearch, Judgement
from stamp2vec.values import Verdict

VERIFICATION = Verification(((0.5, 0.0), (0.9, 1.0)), 0.5, 0.2, {})
PRIOR = 0.5
Pair = tuple[int, int]

SAME = Judgement(0.99, Verdict.SAME, "")
DIFFERENT = Judgement(0.01, Verdict.DIFFERENT, "")
OPEN = Judgement(0.4, Verdict.CANNOT_TELL, "too little of the ink is clear on both")


def search(similarity: np.ndarray, comparable: Sequence[int] | None = None, pixels: Sequence[int] = ()) -> DieSearch:
    """Of stamps that are all comparable, and the first of which is the largest, unless stated otherwise."""
    count = len(similarity)
    known = range(count) if comparable is None else comparable
    areas = np.array(pixels or range(count, 0, -1), np.int64)
    can = np.array([number in known for number in range(count)], bool)
    return DieSearch(similarity.astype(np.float32), VERIFICATION, can, areas, PRIOR)


def alike(*kinds: int) -> np.ndarray:
    """Similarities of stamps of these layouts."""
    kind = np.array(kinds)
    return np.where(kind[:, None] == kind, 0.85, 0.3) + 0.15 * np.eye(len(kinds))


def rounds(found: DieSearch, judge: Callable[[int, int], Judgement | None]) -> list[list[Pair]]:
    """Every round, each judged."""
    asked: list[list[Pair]] = []
    while pairs := found.next_round():
        asked.append(list(pairs))
        found.learn([judge(*pair) for pair in pairs])
    return asked


def by_die(*dies: int) -> Callable[[int, int], Judgement]:
    return lambda a, b: SAME if dies[a] == dies[b] else DIFFERENT


def test_the_largest_leads_and_its_die_takes_one_look_a_stamp() -> None:
    found = search(alike(0, 0, 0, 0), pixels=[1, 9, 5, 5])
    assert rounds(found, by_die(0, 0, 0, 0)) == [[(1, 2), (1, 3), (1, 0)]]
    assert found.groups() == [1, 1, 1, 1]
    assert found.probability[1, 2] == found.probability[2, 1] == np.float32(0.99)


def test_what_is_not_of_the_leader_s_die_is_compared_in_another_round() -> None:
    found = search(alike(0, 0, 0, 0, 0))
    assert rounds(found, by_die(7, 8, 7, 8, 9)) == [[(0, 1), (0, 2), (0, 3), (0, 4)], [(1, 3), (1, 4)]]
    assert found.groups() == [1, 2, 1, 2, 3]


def test_dies_are_numbered_in_the_order_of_their_first_stamps() -> None:
    found = search(alike(1, 0, 1, 0), pixels=[1, 2, 3, 4])
    assert rounds(found, by_die(1, 0, 1, 0)) == [[(3, 1)], [(2, 0)]]
    assert found.groups() == [1, 2, 1, 2]


def test_only_stamps_of_one_layout_are_compared() -> None:
    found = search(alike(0, 1, 2))
    assert rounds(found, by_die(0, 0, 0)) == []
    assert found.groups() == [1, 2, 3]
    near = np.array([[1, 0.53, 0.55], [0.53, 1, 0.3], [0.55, 0.3, 1]])  # probabilities 0.075 and 0.125
    assert rounds(search(near), by_die(0, 0, 0)) == [[(0, 2)]]


def test_the_likeliest_are_compared_first() -> None:
    similarity = alike(0, 0, 0)
    similarity[0, 2] = similarity[2, 0] = 0.89
    assert rounds(search(similarity), by_die(0, 0, 0)) == [[(0, 2), (0, 1)]]


def test_an_open_verdict_leaves_two_dies_and_a_failed_comparison_none() -> None:
    found = search(alike(0, 0, 0))
    assert rounds(found, lambda a, b: OPEN if (a, b) == (0, 1) else None) == [[(0, 1), (0, 2)]]
    assert found.groups() == [1, 2, 0]
    assert found.probability[0, 1] == np.float32(0.4)
    assert found.probability[0, 2] <= PRIOR, "by the vectors alone"


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.SAME])
def test_no_other_verdict_makes_one_die(verdict: Verdict) -> None:
    found = search(alike(0, 0))
    rounds(found, lambda a, b: Judgement(0.95, verdict, "because"))
    assert found.groups() == [1, 2]


def test_stamps_that_show_too_little_are_of_no_die() -> None:
    found = search(alike(0, 0, 0), comparable=[0, 2])
    assert rounds(found, by_die(0, 0, 0)) == [[(0, 2)]]
    assert found.groups() == [1, 0, 1]
    assert search(alike(0, 0), comparable=[]).next_round() == []
    assert search(alike(0, 0), comparable=[]).groups() == [0, 0]


def test_by_vectors_alone_nothing_exceeds_the_prior() -> None:
    similarity = np.linspace(-1, 1, 25).reshape(5, 5)
    similarity = np.maximum(similarity, similarity.T)
    for prior in (0.1, 0.5, 0.9):
        pixels, can = np.ones(5, np.int64), np.ones(5, bool)
        probability = DieSearch(similarity.astype(np.float32), VERIFICATION, can, pixels, prior).probability
        np.testing.assert_array_equal(np.diag(probability), 1)
        assert probability[~np.eye(5, dtype=bool)].max() <= np.float32(prior)


def test_looks_are_bounded_and_what_is_beyond_is_of_no_die(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stamp2vec.comparison.dies.MAX_INK_LOOKS", 3)
    found = search(alike(0, 0, 0, 0, 0, 0))
    assert rounds(found, by_die(*[0] * 6)) == [[(0, 1), (0, 2), (0, 3)]]
    assert found.groups() == [1, 1, 1, 1, 0, 0]


def test_beyond_the_bound_a_stamp_that_resembles_no_other_still_has_a_die(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is missing to know it. Of two that resemble each other neither has one, whichever is asked first."""
    monkeypatch.setattr("stamp2vec.comparison.dies.MAX_INK_LOOKS", 2)
    found = search(alike(0, 0, 0, 1, 1, 2))
    assert rounds(found, by_die(0, 0, 5, 1, 1, 2)) == [[(0, 1), (0, 2)]]
    assert found.groups() == [1, 1, 2, 0, 0, 3]


def test_a_stamp_that_was_compared_and_resembles_one_that_was_not_is_of_no_die(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stamp2vec.comparison.dies.MAX_INK_LOOKS", 1)
    found = search(alike(0, 0, 0))
    assert rounds(found, by_die(0, 1, 1)) == [[(0, 1)]]
    assert found.groups() == [1, 0, 0]


def test_a_document_without_stamps_has_no_dies() -> None:
    found = search(np.zeros((0, 0)))
    assert found.next_round() == []
    assert found.groups() == []


def test_whatever_the_ink_says_every_stamp_of_a_die_was_found_the_same_as_its_first() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        kinds = rng.integers(0, 3, 14)
        judged: dict[Pair, Judgement | None] = {}

        def judge(a: int, b: int, judged: dict[Pair, Judgement | None] = judged) -> Judgement | None:
            assert frozenset((a, b)) not in map(frozenset, judged), "no pair is looked at twice"
            judged[a, b] = rng.choice(np.array([SAME, DIFFERENT, OPEN, None], object))
            return judged[a, b]

        found = search(alike(*kinds), pixels=rng.integers(1, 9, 14).tolist())
        rounds(found, judge)
        groups = found.groups()
        assert sorted({*groups} - {0}) == list(range(1, max(groups) + 1))
        for number in {*groups} - {0}:
            members = [place for place, group in enumerate(groups) if group == number]
            same = [pair for pair, judgement in judged.items() if judgement is SAME and {*pair} <= {*members}]
            assert len(same) == len(members) - 1
            assert len({first for first, _ in same}) <= 1
