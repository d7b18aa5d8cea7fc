"""From the text of an option to its value; ArgumentTypeError where it is none."""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable

from stamp2vec.cli.bulk import Shard

_MODEL_NAME = re.compile(r"[a-z0-9-]+(@[0-9.]+)?")


def model_name(text: str) -> str:
    """A name of a model, or name@version."""

    if not _MODEL_NAME.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is no name of a model: `stamp2vec models` lists them")
    return text


def count(text: str) -> int:
    """1 to 100,000."""

    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise ArgumentTypeError(f"{text!r} is out of range: choose 1 to 100,000")
    return int(text)


def port(text: str) -> int:
    """0 to 65,535."""
    if not text.isdecimal() or int(text) > 65_535:
        raise ArgumentTypeError(f"{text!r} is no port: choose 0 to 65535")
    return int(text)


def shard(text: str) -> Shard:
    """A part, such as 0/16."""

    index, _, parts = text.partition("/")
    if not index.isdecimal() or not 0 <= int(index) < count(parts):
        raise ArgumentTypeError(f"{text!r} is no part: choose one such as 0/16 to 15/16")
    return Shard(int(index), int(parts))


def seconds(text: str) -> float:
    """Above 0, up to a day."""

    value = number_to(86_400.0)(text)
    if not value:
        raise ArgumentTypeError("'0' is out of range: choose more")
    return value


def share(text: str) -> float:
    """Above 0 and below 1."""

    value = number_to(1.0)(text)
    if not 0 < value < 1:
        raise ArgumentTypeError(f"{text!r} is out of range: choose a number above 0 and below 1")
    return value


def number_to(most: float) -> Callable[[str], float]:
    """0 to `most`."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= most:
            raise ArgumentTypeError(f"{text!r} is out of range: choose 0 to {most:g}")
        return value

    return number
