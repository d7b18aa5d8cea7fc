"""What a picture costs in each engine, one thread: python -m bench.engines [MODEL ...].

Each engine runs in a process of its own, with the memory settings of an executor, batches largest first. Figures are
CPU milliseconds of the process, so work beside it changes them less than times by the clock.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np

from stamp2vec import hub
from stamp2vec.engines import Engine
from stamp2vec.values import Task

ENGINES = ("torch", "onnx")
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}
_SECONDS = 1.5


def main() -> None:
    """Measures and prints."""
    networks = [model.name for model in hub.bundled() if model.task is not Task.READ]
    parser = argparse.ArgumentParser(prog="python -m bench.engines", description=__doc__)
    parser.add_argument("model", nargs="*", default=networks, help="by default all that are bundled")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is printed")
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.engine:
        print(json.dumps(_measure(chosen.engine, chosen.model[0], sorted(chosen.batches, reverse=True))))
        return
    print(f"{'CPU ms a picture':18}{'engine':8}{'start':>8}{'MiB':>7}" + "".join(f"{n:>8}" for n in chosen.batches))
    for model in chosen.model:
        for engine in ENGINES:
            runs = [_run(engine, model, chosen.batches) for _ in range(chosen.rounds)]
            start, memory, *costs = np.median(runs, axis=0)
            print(f"{model:18}{engine:8}{start:8.0f}{memory:7.0f}" + "".join(f"{ms:8.1f}" for ms in costs))


def _run(engine: str, model: str, batches: list[int]) -> list[float]:
    """CPU ms from the start of the process to the first answer, peak MiB, CPU ms a picture by batch."""
    command = [sys.executable, "-m", "bench.engines", model, "--engine", engine, "--batches", *map(str, batches)]
    done = subprocess.run(command, env=os.environ | _ENVIRONMENT, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    return [found["start"], found["memory"], *(found["ms"][str(size)] for size in batches)]


def _measure(engine: str, reference: str, batches: list[int]) -> dict[str, object]:
    network = _loaded(engine, reference)
    size = (network.manifest.input_height, network.manifest.input_width, 3)
    pictures = np.random.default_rng(0).integers(0, 256, (batches[0], *size), dtype=np.uint8)
    network.infer(pictures[:1])
    start = time.process_time()
    ms = {}
    for count in batches:
        network.infer(pictures[:count])
        began, runs = time.process_time(), 0
        while time.process_time() - began < _SECONDS:
            network.infer(pictures[:count])
            runs += 1
        ms[count] = 1000 * (time.process_time() - began) / runs / count
    return {"start": 1000 * start, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "ms": ms}


def _loaded(engine: str, reference: str) -> Engine:
    folder = hub.find(reference)
    if engine == "onnx":
        from stamp2vec.engines.onnx import OnnxEngine

        return OnnxEngine(folder, hub.read_manifest(folder))
    from stamp2vec.engines.torch import TorchEngine

    return TorchEngine(*hub.load(folder))


if __name__ == "__main__":
    main()
