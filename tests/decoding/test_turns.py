"""Whose turn it is."""

import asyncio

import pytest

from stamp2vec.turns import Turns, owner


@pytest.mark.parametrize(
    ("waiting", "served"),
    [
        pytest.param("abc", "abc", id="urgent, oldest first"),
        pytest.param("ABC", "ABC", id="bulk, oldest first"),
        pytest.param("ABab", "abAB", id="urgent before bulk"),
        pytest.param("ABabcdefg", "abcAdefBg", id="every fourth is bulk while both wait"),
    ],
)
async def test_urgent_ones_go_first_and_bulk_is_not_starved(waiting: str, served: str) -> None:
    turns: Turns[int] = Turns()
    order: list[str] = []

    async def wait(name: str) -> None:
        await turns.wait(lambda _: None, urgent=name.islower())
        order.append(name)

    tasks = [asyncio.ensure_future(wait(name)) for name in waiting]
    await asyncio.sleep(0)
    assert turns.is_urgent == any(map(str.islower, waiting))
    for number in range(len(waiting)):
        assert turns.serve(number)
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert "".join(order) == served
    assert not turns.serve(0)


async def test_what_comes_to_one_who_goes_is_given_back() -> None:
    turns: Turns[str] = Turns()
    back: list[str] = []
    going = asyncio.ensure_future(turns.wait(back.append, urgent=True))
    gone = asyncio.ensure_future(turns.wait(back.append, urgent=True))
    await asyncio.sleep(0)
    gone.cancel()
    assert turns.serve("first")
    going.cancel()
    await asyncio.gather(going, gone, return_exceptions=True)
    assert back == ["first"]
    assert not turns.is_urgent
    assert not turns.serve("second")


@pytest.mark.parametrize(
    ("waiting", "served"),
    [
        pytest.param("aaaab", "abaaa", id="who asks once waits for one of those who ask for much"),
        pytest.param("abcabc", "abcabc", id="one after the other"),
        pytest.param("AAbBa", "baABA", id="of each priority"),
    ],
)
async def test_owners_have_their_turns_one_after_the_other(waiting: str, served: str) -> None:
    turns: Turns[int] = Turns()
    order: list[str] = []

    async def wait(name: str) -> None:
        owner.set(name.lower())
        await turns.wait(lambda _: None, urgent=name.islower())
        order.append(name)

    tasks = [asyncio.ensure_future(wait(name)) for name in waiting]
    await asyncio.sleep(0)
    for number in range(len(waiting)):
        assert turns.serve(number)
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert "".join(order) == served
