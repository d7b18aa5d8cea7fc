"""Many files to one table, with kill -9 in between: `python -m bench.bulk`.

The sample page, as so many files, goes through `stamp2vec find --out`, which is killed a few times and resumed; then
the table is checked. Before each start the pipelines alone do some of the files, as many processes at a time: so other
load of the machine is in both rates, though it is never the same.
"""

import argparse
import contextlib
import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

PAGE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
_IN_FOLDER = 1000
_ALONE_PAGES = 100  # a process and round
_PR_SET_CHILD_SUBREAPER = 36  # of prctl(2): processes whose parent was killed become children of this one
_ALONE = """
import sys, time
from pathlib import Path
from stamp2vec.document.options import Options
from stamp2vec.pipelines import DocumentPipeline
pipeline = DocumentPipeline.from_preset()
list(pipeline.pages(Path(sys.argv[1]).read_bytes(), Options(include_vectors=False)))
wall_s, cpu_s = time.monotonic(), time.process_time()
for name in sys.argv[1:]:
    list(pipeline.pages(Path(name).read_bytes(), Options(include_vectors=False)))
print(time.monotonic() - wall_s, time.process_time() - cpu_s)
"""
_ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


@dataclass(slots=True)
class Cost:
    """Seconds of the clock and of all processes, added up over rounds."""

    pages: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0


def main() -> None:
    """Measures, checks and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.bulk", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="how many; each has one page")
    parser.add_argument("--kills", type=int, default=3, help="how often the run is killed")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes at a time")
    chosen = parser.parse_args()
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        files = _files(Path(folder) / "in", chosen.files)
        run, alone, memory_mib = _run(Path(folder), files, chosen.jobs, chosen.kills)
        _check(Path(folder) / "r.parquet", len(files))
    print(f"{len(files):,} files, {chosen.kills} times killed: every page once in the table")
    for name, cost in (("the run with all its starts", run), ("the pipelines alone", alone)):
        print(f"{name}: {cost.pages / cost.wall_s:,.1f} pages/s, {1000 * cost.cpu_s / cost.pages:.1f} ms of CPU a page")
    more_cpu = run.cpu_s / run.pages / (alone.cpu_s / alone.pages) - 1
    more_time = run.wall_s / run.pages / (alone.wall_s / alone.pages) - 1
    print(f"overhead: {more_cpu:+.0%} of CPU, {more_time:+.0%} of time")
    print(f"the process that lists, keeps and writes took {memory_mib:.0f} MiB")


def _files(folder: Path, count: int) -> list[Path]:
    """Links to one file, so that reading them costs the same."""
    paths = [folder / f"{number // _IN_FOLDER:03}" / f"{number:06}.jpg" for number in range(count)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path is paths[0]:
            path.write_bytes(PAGE.read_bytes())
        else:
            path.hardlink_to(paths[0])
    return paths


def _alone(files: Sequence[Path], jobs: int, cost: Cost) -> float:
    """Adds a round to the cost; its pages a second."""
    chosen = [list(map(str, files[job * _ALONE_PAGES : (job + 1) * _ALONE_PAGES])) for job in range(jobs)]
    commands = [[sys.executable, "-c", _ALONE, *names] for names in chosen if names]
    started = [subprocess.Popen(command, env=_ENVIRONMENT, stdout=subprocess.PIPE, text=True) for command in commands]
    spent = [tuple(map(float, process.communicate()[0].split())) for process in started]
    pages, wall_s = sum(map(len, chosen)), max(wall_s for wall_s, _ in spent)
    cost.pages += pages
    cost.wall_s += wall_s
    cost.cpu_s += sum(cpu_s for _, cpu_s in spent)
    return pages / wall_s


def _run(folder: Path, files: Sequence[Path], jobs: int, kills: int) -> tuple[Cost, Cost, float]:
    """The cost of all attempts, that of the pipelines alone, and the most memory of the run's own process in MiB."""
    out = folder / "r.parquet"
    command = [sys.executable, "-m", "stamp2vec.cli", "find", str(folder / "in"), "--recursive", "--out", str(out)]
    run, alone, memory_mib = Cost(len(files)), Cost(), 0.0
    for attempt in range(kills + 1):
        rate = _alone(files, jobs, alone)
        resume = ["--resume"] if attempt else []
        before_s, start_s = _children_s(), time.monotonic()
        process = subprocess.Popen([*command, "--jobs", str(jobs), *resume], env=_ENVIRONMENT)
        ends_s = start_s + len(files) / rate / (kills + 1) if attempt < kills else float("inf")
        while process.poll() is None and time.monotonic() < ends_s:
            memory_mib = max(memory_mib, _peak_mib(process.pid))
            time.sleep(0.2)
        process.kill()
        is_done = process.wait() == 0
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)  # the workers, which end with their parent: their CPU time counts
        run.wall_s += time.monotonic() - start_s
        run.cpu_s += _children_s() - before_s
        if is_done:
            break
    return run, alone, memory_mib


def _check(table: Path, files: int) -> None:
    def query(text: str) -> tuple[int, ...]:
        (row,) = duckdb.execute(text.replace("TABLE", f"'{table}'")).fetchall()
        return tuple(row)

    names, rows, keys = query("SELECT count(DISTINCT file), count(*), count(DISTINCT (file, page, stamp)) FROM TABLE")
    assert names == files, f"{files - names} files are lost"
    assert rows == keys, f"{rows - keys} rows are repeated"
    assert query("SELECT count(*) FROM TABLE WHERE status <> 'ok'") == (0,)
    kinds = query("SELECT count(DISTINCT stamps) FROM (SELECT count(*) stamps FROM TABLE GROUP BY file)")
    assert kinds == (1,), "copies of one page have different stamps"


def _children_s() -> float:
    """CPU seconds of the processes that have ended, and of those that they have waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _peak_mib(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM")), 0.0)


if __name__ == "__main__":
    main()
