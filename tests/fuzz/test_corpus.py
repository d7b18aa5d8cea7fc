"""Every file that fuzzing starts with, and every one in which it found a fault, passes the targets."""

from pathlib import Path

import pytest

from tests.fuzz.corpus import found, main, seeds
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_pass(target: str) -> None:
    for data in seeds()[target].values():
        for changed in (data, data[: len(data) // 2], data[::-1], data.replace(b"\0", b"\xff", 3)):
            TARGETS[target](changed)


@pytest.mark.parametrize("path", found(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_fuzzing_found_passes(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_the_corpus_is_small(tmp_path: Path) -> None:
    main(tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*")) < 200_000
