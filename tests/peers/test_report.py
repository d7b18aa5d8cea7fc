"""Ratios are taken within a round, since rounds differ by what else the machine does."""

import json
from pathlib import Path

import pytest

from bench.peers.contestants import OURS
from bench.peers.job import Job
from bench.peers.loop import Speed
from bench.peers.measuring import Sample
from bench.peers.race import Race, Setting
from bench.peers.report import Spread, rows, tables, write

RATES = {OURS.name: [100, 60, 90], "Triton": [80, 40, 90]}


def sample(name: str, turn: int, rate: float, callers: int = 16) -> Sample:
    return Sample(
        name,
        callers,
        turn,
        rate,
        p50_ms=1000 / rate,
        p99_ms=2000 / rate,
        server_ms=6.0,
        front_ms=1.0,
        load_ms=0.4,
        foreign_cores=0.5,
    )


@pytest.fixture
def race() -> Race:
    made = Race("yolo-stamp", Setting.EQUAL)
    made.jobs = {name: Job("yolo-stamp", "onnx", 2, 4, 0, 0) for name in RATES}
    made.samples = [sample(name, turn, rate) for name, rates in RATES.items() for turn, rate in enumerate(rates)]
    made.loop = {(16, turn): Speed(rate, 5.0) for turn, rate in enumerate([125, 80, 100])}
    return made


def test_a_row_has_the_median_of_its_rounds_and_ratios_within_them(race: Race) -> None:
    ours, triton = rows(race)
    assert ours.rate == Spread(90, 60, 100)
    assert ours.of_loop == Spread(0.8, 0.75, 0.9)
    assert triton.ours == Spread(1.25, 1.0, 1.5)
    assert (triton.our_p99.median, triton.our_p99.least, triton.our_p99.most) == pytest.approx((0.8, 2 / 3, 1))


def test_rounds_are_paired_however_they_were_ordered(race: Race) -> None:
    expected = rows(race)
    race.samples.reverse()
    assert rows(race) == expected


def test_a_server_that_fails_keeps_what_was_measured_before(race: Race) -> None:
    race.samples += [sample(name, 0, 50, callers=64) for name in RATES]
    race.loop[64, 0] = Speed(100, 5.0)
    race.drop("Triton", 64, "12 of 128 requests failed")
    assert [(row.name, row.callers) for row in rows(race)] == [(OURS.name, 16), ("Triton", 16), (OURS.name, 64)]
    assert "Triton takes no part: with 64 callers, 12 of 128 requests failed" in "\n".join(tables([race]))


def test_tables_and_json_name_who_did_not_run(race: Race, tmp_path: Path) -> None:
    race.missing["LitServe"] = "it did not start"
    text = "\n".join(tables([race]))
    assert "| 16 | Triton | 80 (40-90) |" in text
    assert "1.25 (1.00-1.50)" in text
    assert "LitServe takes no part: it did not start" in text
    write([race], tmp_path / "race.json")
    (written,) = json.loads((tmp_path / "race.json").read_text())
    assert written["missing"] == {"LitServe": "it did not start"}
    assert len(written["samples"]) == 6
