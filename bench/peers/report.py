"""The outcome of races: medians and ratios with their spread, as tables and as JSON."""

import json
import os
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.peers.contestants import OURS
from bench.peers.measuring import Sample
from bench.peers.race import Race


@dataclass(frozen=True, slots=True)
class Spread:
    """Of one figure over the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Iterable[float]) -> "Spread":
        """At least one figure."""
        found = sorted(figures)
        return cls(statistics.median(found), found[0], found[-1])

    def show(self, digits: int) -> str:
        """For a table."""
        return f"{self.median:.{digits}f} ({self.least:.{digits}f}-{self.most:.{digits}f})"


@dataclass(frozen=True, slots=True)
class Row:
    """A server with so many callers, over all rounds."""

    name: str
    callers: int
    rate: Spread
    p50_ms: float
    p99_ms: float
    server_ms: float
    front_ms: float
    load_ms: float
    of_loop: Spread
    """Its rate, relative to that of the bare loop in the same round."""
    ours: Spread
    """Our rate relative to its, in the same round."""
    our_p99: Spread
    """Likewise our p99."""
    our_cpu: Spread
    """Likewise our CPU time for a request: its inverse is about what the ratio of rates is where nothing else runs."""


def rows(race: Race) -> list[Row]:
    """By callers, then in the order in which the servers take part."""
    found = []
    for callers in sorted({sample.callers for sample in race.samples}):
        ours = _by_round(race, OURS.name, callers)
        for name in race.jobs:
            if not (its := _by_round(race, name, callers)):
                continue
            found.append(_row(name, callers, its, ours, [race.loop[callers, each.round].rate for each in its]))
    return found


def _row(name: str, callers: int, its: Sequence[Sample], ours: Sequence[Sample], loop: Sequence[float]) -> Row:
    def median(figure: Callable[[Sample], float]) -> float:
        return statistics.median(map(figure, its))

    return Row(
        name,
        callers,
        rate=Spread.of(each.rate for each in its),
        p50_ms=median(lambda each: each.p50_ms),
        p99_ms=median(lambda each: each.p99_ms),
        server_ms=median(lambda each: each.server_ms),
        front_ms=median(lambda each: each.front_ms),
        load_ms=median(lambda each: each.load_ms),
        of_loop=Spread.of(each.rate / alone for each, alone in zip(its, loop, strict=True)),
        ours=Spread.of(mine.rate / each.rate for mine, each in zip(ours, its, strict=True)),
        our_p99=Spread.of(mine.p99_ms / each.p99_ms for mine, each in zip(ours, its, strict=True)),
        our_cpu=Spread.of(mine.server_ms / each.server_ms for mine, each in zip(ours, its, strict=True)),
    )


def _by_round(race: Race, name: str, callers: int) -> list[Sample]:
    mine = [sample for sample in race.samples if (sample.name, sample.callers) == (name, callers)]
    return sorted(mine, key=lambda sample: sample.round)


def tables(races: Sequence[Race]) -> Iterator[str]:
    """Lines of Markdown."""
    for race in races:
        rates = Spread.of(speed.rate for speed in race.loop.values())
        cpu_ms = statistics.median(speed.cpu_ms for speed in race.loop.values())
        foreign = Spread.of(sample.foreign_cores for sample in race.samples)
        batches = ", ".join(f"{name} {job.max_batch}" for name, job in race.jobs.items() if name != OURS.name)
        yield f"\n{race.model}: {race.setting.value}. Batches: {batches}. Bare loop in {_instances(race)} processes: "
        yield f"{rates.show(0)} pictures/s, {cpu_ms:.1f} CPU ms each. "
        yield f"Other work on the {os.cpu_count()} cores took {foreign.show(1)} of them.\n"
        yield (
            "| callers | server | requests/s | p50 ms | p99 ms | CPU ms | h2load ms | requests/s of bare loop "
            "| stamp2vec / it: requests/s | p99 | CPU |"
        )
        yield "|" + "---|" * 11
        for row in rows(race):
            ours = ("",) * 3 if row.name == OURS.name else (row.ours.show(2), row.our_p99.show(2), row.our_cpu.show(2))
            cells = (
                row.callers,
                row.name,
                row.rate.show(0),
                f"{row.p50_ms:.1f}",
                f"{row.p99_ms:.1f}",
                f"{row.server_ms:.1f}",
                f"{row.load_ms:.1f}",
                f"{row.of_loop.median:.2f}",
                *ours,
            )
            yield f"| {' | '.join(map(str, cells))} |"
        for name, reason in race.missing.items():
            yield f"\n{name} takes no part: {reason}"


def _instances(race: Race) -> int:
    return next(iter(race.jobs.values())).instances


def write(races: Sequence[Race], path: Path) -> None:
    """All that was measured, as JSON."""
    content = [
        {
            "model": race.model,
            "setting": race.setting.name.lower(),
            "cores": os.cpu_count(),
            "jobs": {name: asdict(job) for name, job in race.jobs.items()},
            "missing": race.missing,
            "rows": [asdict(row) for row in rows(race)],
            "samples": [asdict(sample) for sample in race.samples],
            "loop": [{"callers": key[0], "round": key[1]} | asdict(speed) for key, speed in race.loop.items()],
        }
        for race in races
    ]
    path.write_text(json.dumps(content, indent=1) + "\n")
