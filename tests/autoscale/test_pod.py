"""A simulated replica batches, waits and sheds as services/runtime/batching/batcher.py does."""

import pytest

from bench.autoscale.pod import Pod
from services.runtime.serving.settings import ModelServerSettings

CURVE = {1: 0.10, 2: 0.16, 3: 0.21, 4: 0.24}


def pod(executors: int = 1, deadline_s: float = 60.0) -> Pod:
    server = ModelServerSettings(executors=executors, max_batch=4, capacity=128)
    return Pod(server, CURVE, deadline_s, ready_s=0.0)


def test_an_idle_executor_starts_arrivals_at_once() -> None:
    assert pod().advance([1.0, 2.0], 3.0) == ([0.0, 0.0], 0)


def test_arrivals_during_a_batch_make_the_next_batch() -> None:
    waits_s, shed = pod().advance([1.0, 1.02, 1.04, 1.06], 2.0)
    assert waits_s == pytest.approx([0.0, 0.08, 0.06, 0.04])
    assert shed == 0


def test_load_counts_waiting_and_running_items() -> None:
    busy = pod()
    busy.advance([1.0, *[1.01] * 6], 1.05)
    assert busy.load(1.05) == 7 / 128
    busy.advance([], 1.15)  # four of the six run, two wait
    assert busy.load(1.15) == 6 / 128
    assert not busy.is_idle(1.15)
    busy.advance([], 3.0)
    assert busy.load(3.0) == 0
    assert busy.is_idle(3.0)


def test_a_full_queue_sheds() -> None:
    waits_s, shed = pod().advance([1.0, *[1.01] * 200], 1.05)
    assert shed == 200 - 128
    assert waits_s == [0.0]


def test_items_that_cannot_meet_their_deadline_are_shed() -> None:
    _, shed = pod(deadline_s=0.6).advance([1.0, *[1.01] * 20], 1.05)
    assert shed == 20 - 10  # one running and nine waiting are 0.6 s


def test_executors_share_the_queue() -> None:
    waits_s, _ = pod(executors=2).advance([1.0, 1.0, *[1.01] * 4], 1.11)
    assert waits_s == pytest.approx([0.0, 0.0, 0.09, 0.09, 0.09, 0.09])
