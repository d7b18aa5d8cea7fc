"""Throughput with processes and dynamic batching: `python -m bench.batching`.

The same page goes through the pipeline alone and through differently configured detectors. All stay up and are measured
round-robin, several rounds; ratios are taken within a round, so that a temporary slowdown affects all variants. The
callers run on the same machine and use part of its time.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import grpc.aio
import numpy as np
import torch

from services.stack.processes import Address, Service, stop, wait_until_serving
from stamp2vec import hub
from stamp2vec.errors import ModelNotFound
from stamp2vec.hub.manifest import Manifest
from stamp2vec.imaging import decode_image, letterbox
from stamp2vec.models import build
from stamp2vec.pipelines import DetectionPipeline
from stamp2vec.v1 import common_pb2, detector_pb2, detector_pb2_grpc
from stamp2vec.values import Preset, Task

CALLERS = 16
SERVERS = {
    "1 executor": ("--executors", "1"),
    "2 executors": ("--executors", "2"),
    "1 executor, no batching": ("--executors", "1", "--max-batch", "1"),
}
_PAGE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Row:
    """The measurements of a variant; the pipeline lacks the last three."""

    name: str
    rates: list[float] = field(default_factory=list)
    """Requests a second, by round."""
    mean_batch: float | None = None
    parent_ms: float | None = None
    """CPU time of the serving process for an item, without its executors."""
    parent_share: float | None = None
    """The share of the serving process in CPU time with its executors."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Totals of a service since its start."""

    batches: float
    items: float
    parent_s: float
    executors_s: float


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.batching", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each variant")
    parser.add_argument("--requests", type=int, default=64, help="pages a variant does in a round")
    chosen = parser.parse_args()
    if min(chosen.rounds, chosen.requests) < 1:
        parser.error("measure at least 1 request in 1 round")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        reference = _model(Path(folder))
        pipeline = DetectionPipeline.from_pretrained(reference)
        pixels, _ = letterbox(decode_image(_PAGE.read_bytes()), pipeline.input_size)
        with _detectors(reference, Path(folder)) as services:
            rows = asyncio.run(_measure(pipeline, pixels, services, chosen.rounds, chosen.requests))
    _show(rows, pipeline.manifest)


def _model(folder: Path) -> str:
    """The bundled model, or one of equal speed with random weights where there is none."""
    try:
        hub.find("yolo-stamp")
    except ModelNotFound:
        model = build("yolo-stamp", {})
        manifest = Manifest(
            name="random",
            version="0.0.0",
            task=Task.DETECT,
            architecture="yolo-stamp",
            config={},
            presets=(Preset.FAST,),
            input_height=448,
            input_width=448,
            threshold=0.5,
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            sha256="0" * 64,
            vector_size=0,
            training={},
            metrics={},
            licence="Apache-2.0",
        )
        hub.save(folder / "random", manifest, model.state_dict())
        return str(folder / "random")
    return "yolo-stamp"


@contextmanager
def _detectors(reference: str, logs: Path) -> Iterator[dict[str, Service]]:
    common = ("--model", reference, "--port", "0", "--metrics-port", "0", "--log-level", "warning")
    services = {}
    try:
        for name, options in SERVERS.items():
            services[name] = Service("detector", [*common, *options], logs / f"{name}.log")
        wait_until_serving(services.values(), lambda starting, elapsed_s: None)
        yield services
    finally:
        stop(services.values())


async def _measure(
    pipeline: DetectionPipeline, pixels: np.ndarray, services: dict[str, Service], rounds: int, requests: int
) -> list[Row]:
    alone, rows = Row("pipeline alone, 1 thread"), {name: Row(f"{name}, {CALLERS} callers") for name in services}
    height, width, channels = pixels.shape
    raw = common_pb2.RawImage(data=pixels.tobytes(), height=height, width=width, channels=channels)
    request = detector_pb2.DetectRequest(images=[common_pb2.Image(raw=raw)])
    _run_alone(pipeline, pixels, 5)
    for service in services.values():
        await _rate(service, request, CALLERS)
    before = {name: _usage(service) for name, service in services.items()}
    for _ in range(rounds):
        alone.rates.append(_run_alone(pipeline, pixels, requests))
        for name, service in services.items():
            rows[name].rates.append(await _rate(service, request, requests))
    for name, service in services.items():
        row, was, now = rows[name], before[name], _usage(service)
        parent_s, executors_s = now.parent_s - was.parent_s, now.executors_s - was.executors_s
        row.mean_batch = (now.items - was.items) / (now.batches - was.batches)
        row.parent_ms = 1000 * parent_s / (now.items - was.items)
        row.parent_share = parent_s / (parent_s + executors_s)
    return [alone, *rows.values()]


def _run_alone(pipeline: DetectionPipeline, pixels: np.ndarray, requests: int) -> float:
    """Pages a second, one after the other."""
    started_s = time.perf_counter()
    for _ in range(requests):
        pipeline.engine.infer(pixels[None])
    return requests / (time.perf_counter() - started_s)


async def _rate(service: Service, request: detector_pb2.DetectRequest, requests: int) -> float:
    """Requests a second of closed-loop callers: each waits for its response before the next request."""
    async with grpc.aio.insecure_channel(_address(service).target) as channel:
        stub = cast("detector_pb2_grpc.DetectorServiceAsyncStub", detector_pb2_grpc.DetectorServiceStub(channel))
        remaining = iter(range(requests))

        async def call() -> None:
            for _ in remaining:
                await stub.Detect(request)

        await channel.channel_ready()
        started_s = time.perf_counter()
        await asyncio.gather(*(call() for _ in range(CALLERS)))
        return requests / (time.perf_counter() - started_s)


def _usage(service: Service) -> Usage:
    text = urllib.request.urlopen(_address(service).metrics_url).read().decode()
    metrics = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))

    def total(name: str) -> float:
        return sum(float(value) for key, value in metrics.items() if key.startswith(f"{name}{{"))

    children = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()
    return Usage(
        total("stamp2vec_batch_size_count"),
        total("stamp2vec_batch_size_sum"),
        _cpu_s(service.pid),
        sum(_cpu_s(int(child)) for child in children),
    )


def _cpu_s(pid: int) -> float:
    """User and system time, proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def _address(service: Service) -> Address:
    if service.address is None:
        raise RuntimeError(f"the {service.name} has not started")
    return service.address


def _show(rows: Sequence[Row], manifest: Manifest) -> None:
    print(f"{manifest.reference}, {manifest.input_width} px, {os.cpu_count()} cores, {len(rows[0].rates)} rounds")
    print(f"{'':<38}{'requests/s':>11}{'ratio':>8}{'batch':>8}{'parent ms':>11}{'its share':>11}")
    for row in rows:
        ratios = [rate / alone for rate, alone in zip(row.rates, rows[0].rates)]
        print(
            f"{row.name:<38}{statistics.median(row.rates):>11.1f}{statistics.median(ratios):>8.2f}"
            f"{_shown(row.mean_batch, '.1f'):>8}{_shown(row.parent_ms, '.1f'):>11}{_shown(row.parent_share, '.0%'):>11}"
        )


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


if __name__ == "__main__":
    main()
