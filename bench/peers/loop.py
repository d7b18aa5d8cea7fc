"""The bare loop: the same work in processes without a server, one picture after the other.

`python -m bench.peers.loop` is one of its processes: for each line of stdin, seconds, it works so long and writes how
many pictures it did, and the CPU seconds that they took.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

from bench.peers.contestants import ROOT
from bench.peers.job import Job, Work


@dataclass(frozen=True, slots=True)
class Speed:
    """What the processes did together."""

    rate: float
    """Pictures a second."""
    cpu_ms: float
    """A picture."""


class Loop:
    """As many processes as the job has instances; they work at the same time."""

    def __init__(self, job: Job, pixels: bytes, environment: dict[str, str]) -> None:
        """Starts them."""
        own = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "bench.peers.loop"],
                cwd=ROOT,
                env=os.environ | own | environment | job.to_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for _ in range(job.instances)
        ]
        for process in self._processes:
            self._write(process, pixels)

    def run(self, seconds: float) -> Speed:
        """Works for so long."""
        for process in self._processes:
            self._write(process, f"{seconds}\n".encode())
        found = [json.loads(process.stdout.readline()) for process in self._processes if process.stdout]
        pictures = sum(each["pictures"] for each in found)
        cpu_s = sum(each["cpu_s"] for each in found)
        return Speed(sum(each["pictures"] / each["seconds"] for each in found), 1000 * cpu_s / pictures)

    def stop(self) -> None:
        """Returns when they have gone."""
        for process in self._processes:
            process.kill()
            process.communicate()

    def _write(self, process: subprocess.Popen[bytes], data: bytes) -> None:
        if process.stdin is None:
            raise RuntimeError("its stdin is no pipe. This is a bug.")
        process.stdin.write(data)
        process.stdin.flush()


def main() -> None:
    """See the module."""
    work = Work(Job.from_environment())
    manifest = work.manifest
    picture = sys.stdin.buffer.read(manifest.input_height * manifest.input_width * 3)
    work.answers([picture])
    while line := sys.stdin.buffer.readline():
        pictures, started_s, cpu_s = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - started_s < float(line):
            work.answers([picture])
            pictures += 1
        seconds = time.perf_counter() - started_s
        print(json.dumps({"pictures": pictures, "seconds": seconds, "cpu_s": time.process_time() - cpu_s}), flush=True)


if __name__ == "__main__":
    main()
