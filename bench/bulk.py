"""Many files to one table, with kill -9 in between: `python -m bench.bulk`.

The sample page, as so many files, goes through `stamp2vec find --out`, which is killed a few times and resumed; then
the table is checked, and CPU time and rate are compared with those of the pipelines alone, as many processes at a time.
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
_PR_SET_CHILD_SUBREAPER = 36  # of prctl(2): processes whose parent was killed become children of this one
_ALONE = """
import sys
from pathlib import Path
from stamp2vec.document.options import Options
from stamp2vec.pipelines import DocumentPipeline
pipeline = DocumentPipeline.from_preset()
for name in sys.argv[1:]:
    list(pipeline.pages(Path(name).read_bytes(), Options(include_vectors=False)))
"""
_ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of the clock and of all processes."""

    wall_s: float
    cpu_s: float


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
        alone = _alone(files[: min(len(files), 500 * chosen.jobs)], chosen.jobs)
        share = min(len(files), 500 * chosen.jobs) / len(files)
        run, memory_mib = _run(Path(folder), chosen.jobs, chosen.kills, alone.wall_s / share)
        _check(Path(folder) / "r.parquet", len(files))
    pages = len(files)
    print(f"{pages:,} files, {chosen.kills} times killed: every page once in the table")
    for name, cost, count in (
        ("the run with all its starts", run, pages),
        ("the pipelines alone", alone, pages * share),
    ):
        print(f"{name}: {count / cost.wall_s:,.1f} pages/s, {1000 * cost.cpu_s / count:.1f} ms of CPU a page")
    more_cpu, more_time = run.cpu_s * share / alone.cpu_s - 1, run.wall_s * share / alone.wall_s - 1
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


def _alone(files: Sequence[Path], jobs: int) -> Cost:
    before, start_s = _children_s(), time.monotonic()
    commands = [[sys.executable, "-c", _ALONE, *map(str, files[job::jobs])] for job in range(jobs)]
    for process in [subprocess.Popen(command, env=_ENVIRONMENT) for command in commands]:
        assert process.wait() == 0
    return Cost(time.monotonic() - start_s, _children_s() - before)


def _run(folder: Path, jobs: int, kills: int, expected_s: float) -> tuple[Cost, float]:
    """The cost of all attempts, and the most memory of the parent in MiB."""
    out = folder / "r.parquet"
    command = [sys.executable, "-m", "stamp2vec.cli", "find", str(folder / "in"), "--recursive", "--out", str(out)]
    before, start_s, memory_mib = _children_s(), time.monotonic(), 0.0
    for attempt in range(kills + 1):
        resume = ["--resume"] if attempt else []
        process = subprocess.Popen([*command, "--jobs", str(jobs), *resume], env=_ENVIRONMENT)
        ends_s = time.monotonic() + expected_s / (kills + 1) if attempt < kills else float("inf")
        while process.poll() is None and time.monotonic() < ends_s:
            memory_mib = max(memory_mib, _peak_mib(process.pid))
            time.sleep(0.2)
        process.kill()
        if process.wait() == 0:
            break
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)  # the workers, which end with their parent: their CPU time counts
    assert out.exists(), "the last attempt was not killed, and yet there is no table"
    return Cost(time.monotonic() - start_s, _children_s() - before), memory_mib


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
