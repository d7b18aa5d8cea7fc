"""The outcome of races as a picture."""

import statistics
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

from bench.peers.contestants import OURS
from bench.peers.race import Race
from bench.peers.report import rows

mpl.use("Agg")

from matplotlib import pyplot as plt


def draw(races: Sequence[Race], path: Path) -> None:
    """A row of plots for each race: requests a second with their spread, and p99."""
    figure, all_axes = plt.subplots(len(races), 2, figsize=(10, 3.4 * len(races)), squeeze=False)
    for race, (rates, delays) in zip(races, all_axes, strict=True):
        found = rows(race)
        for name in race.jobs:
            mine = [row for row in found if row.name == name]
            callers = [row.callers for row in mine]
            median = [row.rate.median for row in mine]
            below = [row.rate.median - row.rate.least for row in mine]
            above = [row.rate.most - row.rate.median for row in mine]
            width = 2.5 if name == OURS.name else 1.2
            rates.errorbar(callers, median, (below, above), label=name, marker="o", capsize=3, linewidth=width)
            delays.plot(callers, [row.p99_ms for row in mine], label=name, marker="o", linewidth=width)
        loop = statistics.median(speed.rate for speed in race.loop.values())
        rates.axhline(loop, color="tab:gray", linestyle=":", label="bare loop")
        rates.set_title(f"{race.model}, {race.setting.name.lower().replace('_', ' ')}")
        rates.set_ylabel("requests/s")
        rates.set_ylim(bottom=0)
        rates.legend(loc="lower right")
        delays.set_ylabel("p99, ms")
        delays.set_yscale("log")
        for axes in (rates, delays):
            axes.set_xscale("log", base=2)
            axes.set_xticks(callers, list(map(str, callers)))
            axes.set_xlabel("callers")
            axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
