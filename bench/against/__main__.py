"""This tree against another checkout of it, in alternating rounds of one run: `python -m bench.against DIR`.

Each tree runs its own services and its own client. CPU time is that of the gateway, the detector, the segmenter and the
embedder, of their children too; memory is their PSS at the end. Then documents a second of this tree through its
gateway against loops without services (`loops.py`). The bars are of the goal: a third of the CPU and memory a page of
commit 11cdd3c. Make that checkout by `git worktree add DIR 11cdd3c`; it runs with the packages of this environment.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any, Self

from PIL import Image

from bench.capacity import cpu_s
from bench.memory import memory
from stamp2vec.pipelines import DocumentPipeline

HERE = Path(__file__).parents[2]
SAMPLE = HERE / "docs" / "sample" / "page.jpg"
DRIVER = Path(__file__).with_name("driver.py").read_text()
LOOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Load:
    """So many calls for a page by so many callers; `bar` is of the ratio of CPU time, `rate_bar` of that of rates."""

    name: str
    stamps: int
    calls: int
    bar: float | None
    callers: int = 4
    options: Mapping[str, Any] = field(default_factory=dict)
    rate_bar: float | None = None


LOADS = (
    Load("page without stamps", 0, 60, 0.45),
    Load("one stamp", 1, 40, None),
    Load("page of 4", 4, 40, 0.40, callers=16, rate_bar=2.5),
    Load("page of 4, with masks", 4, 20, 0.35, options={"include_masks": True}),
    Load("page of 4, accurate", 4, 12, 0.40, options={"preset": "accurate"}),
)


class Tree:
    """The running services of a checkout. Leave the `with` to end them."""

    def __init__(self, folder: Path) -> None:
        """Returns when they serve. RuntimeError where they do not start."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", DRIVER], cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        started = self._line()
        self.start_s, self.pids = float(started["start_s"]), list(started["pids"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # the end of its stdin ends it

    def send(self, page: Path, load: Load) -> tuple[float, float, int]:
        """CPU ms a page, pages a second, and how many stamps were found."""
        before_s = self._cpu_s()
        job = {"page": str(page), "calls": load.calls, "callers": load.callers, "options": dict(load.options)}
        print(json.dumps(job), file=self._process.stdin, flush=True)
        answer = self._line()
        cpu_ms = 1000 * (self._cpu_s() - before_s) / load.calls
        return cpu_ms, load.calls / float(answer["wall_s"]), int(answer["stamps"])

    def memory_mib(self) -> float:
        """PSS of all of them."""
        return sum(map(memory, self.pids)) / 2**20

    def _cpu_s(self) -> float:
        return sum(sum(cpu_s(pid)) for pid in self.pids)

    def _line(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError(f"its services ended with code {self._process.wait()}: see above")
        return dict(json.loads(line))


def main() -> None:
    """Measures and prints."""
    flags = argparse.ArgumentParser(
        prog="python -m bench.against", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("other", type=Path, help="another checkout")
    flags.add_argument("--rounds", type=int, default=3)
    chosen = flags.parse_args()
    if not (chosen.other / "services" / "stack").is_dir():
        flags.error(f"{chosen.other} is no checkout of this project: `git worktree add DIR COMMIT` makes one")
    with tempfile.TemporaryDirectory() as folder:
        pages = made_pages(Path(folder))
        compare(chosen.other, pages, chosen.rounds)
        loops(pages[4], chosen.rounds)


def made_pages(folder: Path) -> dict[int, Path]:
    """The sample page with its best 0, 1 and 4 stamps; white paper lies over the others and what might be one."""
    found = DocumentPipeline.from_preset()(SAMPLE.read_bytes(), min_score=0.1, include_vectors=False).pages[0].stamps
    boxes = [stamp.box for stamp in sorted(found, key=lambda stamp: -stamp.score)]
    pages = {4: SAMPLE}
    for count in (0, 1):
        image = Image.open(SAMPLE).convert("RGB")
        kept = [image.crop(box) for box in boxes[:count]]
        for x1, y1, x2, y2 in boxes:
            image.paste("white", (int(x1) - 8, int(y1) - 8, int(x2) + 8, int(y2) + 8))
        for box, stamp in zip(boxes, kept, strict=False):
            image.paste(stamp, (int(box[0]), int(box[1])))
        file = io.BytesIO()
        image.save(file, "JPEG", quality=92)
        pages[count] = folder / f"{count}.jpg"
        pages[count].write_bytes(file.getvalue())
    return pages


def compare(other: Path, pages: Mapping[int, Path], rounds: int) -> None:
    """Prints the table of both trees: medians over rounds, and ratios of one round, median (least-most)."""
    with Tree(HERE) as ours, Tree(other) as theirs:
        for load in LOADS:  # what is loaded and planned by the first calls is not measured
            for tree in (ours, theirs):
                tree.send(pages[load.stamps], replace(load, calls=load.callers))
        measured: dict[str, list[list[tuple[float, float, int]]]] = {load.name: [] for load in LOADS}
        for number in range(rounds):
            for load in LOADS:
                both = [tree.send(pages[load.stamps], load) for tree in ((ours, theirs)[:: -1 if number % 2 else 1])]
                measured[load.name].append(both[:: -1 if number % 2 else 1])
        sizes = [tree.memory_mib() for tree in (ours, theirs)]
        starts = [tree.start_s for tree in (ours, theirs)]
    print("| | this tree | the other | ratio | bar |\n|---|---|---|---|---|")
    for load in LOADS:
        found = " and ".join(str(stamps) for stamps in dict.fromkeys(one[2] for one in measured[load.name][-1]))
        row(
            f"CPU ms, {load.name} ({found} found)", [[one[0] for one in both] for both in measured[load.name]], load.bar
        )
        if load.rate_bar is not None:
            rates = [[one[1] for one in both] for both in measured[load.name]]
            row(f"pages/s, {load.callers} callers, {load.name}", rates, load.rate_bar, most=False)
    row("PSS of four services, MiB", [sizes], 0.30)
    row("seconds from start to SERVING", [starts], 0.40)


def row(name: str, both: list[list[float]], bar: float | None, *, most: bool = True) -> None:
    """Prints one; `bar` is the most that the ratio should be, or the least."""
    ratios = [ours / theirs for ours, theirs in both]
    ours, theirs = (median(column) for column in zip(*both, strict=True))
    span = f" ({min(ratios):.2f}-{max(ratios):.2f})" if len(ratios) > 1 else ""
    wanted = "" if bar is None else f"{'<=' if most else '>='} {bar:.2f}"
    print(f"| {name} | {ours:.1f} | {theirs:.1f} | {median(ratios):.2f}{span} | {wanted} |", flush=True)


def loops(page: Path, rounds: int) -> None:
    """Prints what a document costs through the gateway and in loops, a process with one thread for each core.

    Rounds alternate. Where other work takes part of the cores, more processes get more of them: CPU time alone can be
    compared then.
    """
    load = next(load for load in LOADS if load.rate_bar is not None)
    served, pipeline, recipe = [], [], []
    for _ in range(rounds):
        with Tree(HERE) as tree:
            tree.send(page, replace(load, calls=load.callers))
            served.append(tree.send(page, load)[:2])
        pipeline.append(looped("pipeline", page, os.cpu_count() or 1))
        recipe.append(looped("recipe", page, os.cpu_count() or 1))
    print("\n| a page of 4 | gateway | without services | ratio | bar |\n|---|---|---|---|---|")
    for name, loop, bar in (("pipeline", pipeline, 0.85), ("published recipe", recipe, 3.0)):
        both = list(zip(served, loop, strict=True))
        row(f"documents/s, {name}", [[ours[1], theirs[1]] for ours, theirs in both], bar, most=False)
        row(f"CPU ms, {name}", [[ours[0], theirs[0]] for ours, theirs in both], 1 / bar)


def looped(name: str, page: Path, processes: int) -> tuple[float, float]:
    """CPU ms a document, and documents a second of so many processes together, which share the cores evenly."""
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // processes))}
    command = [sys.executable, "-m", "bench.against.loops", name, str(page), str(LOOP_S)]
    started = [
        subprocess.Popen(
            command, cwd=HERE, env=os.environ | threads, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(processes)
    ]
    for process in started:
        _ready(process)
    for process in started:
        print(file=process.stdin, flush=True)
    results = [process.communicate()[0].split() for process in started]
    return median(float(cpu_ms) for _, cpu_ms in results), sum(float(rate) for rate, _ in results)


def _ready(process: "subprocess.Popen[str]") -> None:
    if process.stdout is None or not process.stdout.readline():
        raise RuntimeError(f"a loop ended with code {process.wait()}: see above")


if __name__ == "__main__":
    main()
