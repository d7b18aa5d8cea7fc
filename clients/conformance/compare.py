"""Compares what a client says of each case with what the vectors expect of it."""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

PIXELS = 8.0
"""Corners of boxes may differ so far: other processors round otherwise, and a newer detector sees a little else."""

NUMBERS = 0.01
"""All other numbers that are no integers: similarities, probabilities."""

_CORNERS = ("x1", "y1", "x2", "y2")


def differences(
    cases: Sequence[Mapping[str, Any]], outcomes: Sequence[Mapping[str, Any]], language: str = ""
) -> Iterator[str]:
    """What is otherwise than expected, a line each; none when all is well. Both are proto-JSON of conformance.proto.

    An expectation is a part of the Outcome: what it does not name may be anything, so that later fields break nothing.
    In the place of a value it may have {"$absent": true}, {"$atLeast": number}, {"$items": count},
    {"$atLeastItems": count} or {"$atLeastBytes": count}.
    """
    names = [case["name"] for case in cases]
    replayed = [outcome.get("name") for outcome in outcomes]
    if names != replayed:
        yield f"the cases are {names}, and those that were replayed {replayed}"
        return
    for case, outcome in zip(cases, outcomes, strict=True):
        expected = case.get("expectOf", {}).get(language, case["expect"])
        for text in _differences({"code": "OK", **expected}, outcome, ""):
            yield f"{case['name']}: {text} ({outcome.get('code')}: {outcome.get('message', '')})"


def _differences(expected: Any, got: Any, path: str) -> Iterator[str]:
    match expected:
        case {"$absent": True}:
            fits = got is None
        case {"$atLeast": least}:
            fits = _number(got) >= least
        case {"$items": count}:
            fits = len(got or ()) == count
        case {"$atLeastItems": count}:
            fits = len(got or ()) >= count
        case {"$atLeastBytes": count}:
            fits = len(base64.b64decode(got or "")) >= count
        case dict():
            for key, value in expected.items():
                yield from _differences(value, (got or {}).get(key), f"{path}.{key}".lstrip("."))
            return
        case list() if len(got or ()) == len(expected):
            for index, value in enumerate(expected):
                yield from _differences(value, got[index], f"{path}[{index}]")
            return
        case bool() | str():
            fits = (got or type(expected)()) == expected  # proto-JSON leaves out what is 0, false or empty
        case int() | float():
            fits = abs(_number(got) - expected) <= (PIXELS if path.endswith(_CORNERS) else NUMBERS)
        case _:
            fits = False
    if not fits:
        yield f"{path} is {str(got)[:200]}, and not {expected}"


def _number(value: Any) -> float:
    """Of proto-JSON: 64-bit integers and durations are strings; NaN where it is no number, which equals nothing."""
    if isinstance(value, str):
        text = re.fullmatch(r"(-?\d+(?:\.\d+)?)s?", value)
        return float(text[1]) if text else float("nan")
    return float(value or 0)
