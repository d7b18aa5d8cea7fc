"""Every client gets of the real gateway what the vectors say: stamp2vec.client, and the examples in other languages."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from clients.conformance.compare import differences
from clients.conformance.replay import replay
from tests.clients.conftest import VECTORS, Gateways, access, run, token_of


def check(vectors: Path, outcomes: Sequence[Any], language: str) -> None:
    assert not list(differences(json.loads(vectors.read_text())["cases"], outcomes, language))


def test_open_gateway(language: str, gateways: Gateways) -> None:
    vectors = VECTORS / "open.json"
    made = run(language, "replay", vectors, "--target", gateways.open)
    assert made.returncode == 0, made.stderr
    check(vectors, list(map(json.loads, made.stdout.splitlines())), language)


def test_guarded_gateway(language: str, gateways: Gateways, tmp_path: Path) -> None:
    vectors = VECTORS / "guarded.json"
    made = run(language, "replay", vectors, *access(gateways, language, tmp_path))
    assert made.returncode == 0, made.stderr
    check(vectors, list(map(json.loads, made.stdout.splitlines())), language)


def test_python_client(gateways: Gateways) -> None:
    check(VECTORS / "open.json", list(replay(VECTORS / "open.json", gateways.open)), "python")
    credentials = gateways.own.client(gateways.client)
    outcomes = list(replay(VECTORS / "guarded.json", gateways.guarded, credentials, token_of("python")))
    check(VECTORS / "guarded.json", outcomes, "python")


def test_differences_are_found() -> None:
    expect: dict[str, Any] = {
        "responseBytes": {"$atLeast": 10},
        "retryAfter": {"$atLeast": 1},
        "analyzeDocument": {
            "pageCount": 2,
            "pages": [{"stamps": [{"box": {"x1": 10.0}, "cropPng": {"$atLeastBytes": 2}}]}],
        },
        "compareStamps": {"similarity": 0.5, "probability": {"$absent": True}, "model": {"name": "tvae"}},
    }
    good: dict[str, Any] = {
        "name": "a",
        "code": "OK",
        "responseBytes": "10",
        "retryAfter": "1.500s",
        "analyzeDocument": {
            "pageCount": 2,
            "pages": [{"stamps": [{"box": {"x1": 17.9}, "cropPng": "AAA="}], "later": 1}],
        },
        "compareStamps": {"similarity": 0.505, "model": {"name": "tvae"}},
    }
    cases = [{"name": "a", "expect": expect}]
    assert not list(differences(cases, [good]))
    stamps: list[Any] = [{"box": {"x1": 18.1}, "cropPng": "AA=="}]
    bad = {
        **good,
        "code": "INTERNAL",
        "responseBytes": "9",
        "retryAfter": "0.5s",
        "analyzeDocument": {"pages": [{"stamps": stamps}]},
        "compareStamps": {"similarity": "NaN", "probability": 0},
    }
    found = [text.partition(" is ")[0].removeprefix("a: ") for text in differences(cases, [bad])]
    assert found == [
        "code",
        "responseBytes",
        "retryAfter",
        "analyzeDocument.pageCount",
        "analyzeDocument.pages[0].stamps[0].box.x1",
        "analyzeDocument.pages[0].stamps[0].cropPng",
        "compareStamps.similarity",
        "compareStamps.probability",
        "compareStamps.model.name",
    ]
    assert list(differences(cases, []))
    with pytest.raises(StopIteration):
        next(differences([], []))
