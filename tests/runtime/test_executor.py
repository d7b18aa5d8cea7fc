"""Process executors, with real processes."""

import asyncio
import logging
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from services.runtime.batching.executor import ExecutorDead, ExecutorKilled
from services.runtime.process.child_process import BatchFailed, StartFailed
from services.runtime.process.executor import ProcessExecutor

Start = Callable[..., Coroutine[Any, Any, ProcessExecutor]]


@pytest.fixture(autouse=True)
def _models_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Start]:
    executors = []

    async def start_one(model: str, *, max_batch: int = 4, slots: int = 1, **arguments: str) -> ProcessExecutor:
        executor = ProcessExecutor(
            f"tests.runtime.numpy_models:{model}",
            arguments,
            height=6,
            width=5,
            max_batch=max_batch,
            slots=slots,
            threads=3,
        )
        executors.append(executor)
        await executor.start()
        return executor

    yield start_one
    for executor in executors:
        await executor.stop()


def item(value: int, height: int = 6) -> np.ndarray:
    return np.full((height, 5, 3), value, np.uint8)


@pytest.mark.parametrize(
    ("pays_to", "max_batch", "measured"),
    [(1, 8, [1]), (4, 64, [1, 2, 4]), (64, 6, [1, 2, 4, 6]), (64, 1, [1])],
)
async def test_batches_are_warmed_as_long_as_they_pay(
    start: Start, pays_to: int, max_batch: int, measured: list[int]
) -> None:
    executor = ProcessExecutor(
        "tests.runtime.numpy_models:pays_to", {"size": pays_to}, height=6, width=5, max_batch=max_batch
    )
    assert list(await executor.start()) == measured
    await executor.stop()


async def test_each_item_gets_its_own_array_of_its_own_shape(start: Start) -> None:
    executor = await start("first_pixel")
    results = await executor.run([item(2), item(0), item(3)])
    assert [result.tolist() for result in results] == [[2, 2], [], [3, 3, 3]]
    assert [(result.dtype.name, result.shape) for result in results] == [("float32", (n,)) for n in (2, 0, 3)]


async def test_a_batch_of_64_pages_is_returned_whole(start: Start, tmp_path: Path) -> None:
    executor = ProcessExecutor(
        "tests.runtime.numpy_models:waits_for", {"folder": str(tmp_path)}, height=400, width=300, max_batch=64
    )
    await executor.start()
    (tmp_path / "7").write_bytes(b"")
    pages = np.random.default_rng(0).integers(0, 256, (64, 400, 300, 3), np.uint8)
    pages[0, 0, 0, 0] = 7
    assert np.array_equal(np.stack(await executor.run(list(pages))), pages)
    await executor.stop()


async def test_the_model_s_exception_is_returned_as_text_and_the_executor_continues(start: Start) -> None:
    executor = await start("first_pixel")
    pid = executor.pid
    with pytest.raises(BatchFailed, match="ValueError: 13 is invalid"):
        await executor.run([item(1), item(13)])
    assert len(await executor.run([item(1)])) == 1
    assert executor.pid == pid


async def test_an_item_of_another_size_is_refused_before_it_reaches_the_child(start: Start) -> None:
    executor = await start("first_pixel")
    with pytest.raises(ValueError, match="shape"):
        await executor.run([item(1), item(1, height=7)])
    assert len(await executor.run([item(1)])) == 1


async def test_memory_of_a_batch_is_reused_by_the_next(start: Start) -> None:
    executor = await start("page_faults")
    (faults,) = await executor.run([item(1)])
    assert faults < 2**26 / os.sysconf("SC_PAGESIZE") / 10


async def test_a_killed_child_fails_its_batch_and_restarts(start: Start, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1")
    executor = await start("waits_for", folder=str(tmp_path))
    running = asyncio.create_task(executor.run([item(1)]))
    await asyncio.to_thread((tmp_path / "1").open, "wb")  # opens when the child has opened it: it is in its batch
    old = executor.pid
    os.kill(old, signal.SIGKILL)
    with pytest.raises(ExecutorDead):
        await running
    await executor.died()
    with pytest.raises(ExecutorDead):
        await executor.run([item(2)])
    await executor.restart()
    assert executor.pid != old
    (tmp_path / "2").write_bytes(b"")
    assert np.array_equal((await executor.run([item(2)]))[0], item(2))


async def test_an_item_that_kills_the_child(start: Start) -> None:
    executor = await start("first_pixel")
    with pytest.raises(ExecutorDead):
        await executor.run([item(9)])
    await executor.restart()
    assert len(await executor.run([item(1)])) == 1


async def test_only_an_unexpected_exit_is_a_warning(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    executor = await start("first_pixel")
    executor.kill()
    await executor.died()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    caplog.clear()
    await executor.restart()
    await executor.stop()
    assert [record.levelname for record in caplog.records if record.levelno > logging.INFO] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_to_the_process_group_does_not_end_the_child(start: Start, number: signal.Signals) -> None:
    executor = await start("first_pixel")
    pid = executor.pid
    os.kill(pid, number)
    assert len(await executor.run([item(1)])) == 1
    assert executor.pid == pid


async def test_a_hanging_child_can_be_killed(start: Start) -> None:
    executor = await start("first_pixel")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(executor.run([item(99)]), 0.1)
    executor.kill()
    await executor.died()
    await executor.restart()
    assert len(await executor.run([item(1)])) == 1


async def test_results_that_cannot_be_sent_fail_the_batch_and_not_the_executor(start: Start) -> None:
    executor = await start("objects")
    pid = executor.pid
    for _ in range(2):
        with pytest.raises(BatchFailed, match="cannot be read"):
            await executor.run([item(1)])
    assert executor.pid == pid


async def test_a_restart_retries_until_it_succeeds(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("services.runtime.process.executor._FIRST_RETRY_S", 0.01)
    executor = await start("loads_at_times", folder=str(tmp_path), fails="3")
    executor.kill()
    await executor.restart()
    assert len(await executor.run([item(1)])) == 1
    waits = [
        record.__dict__["fields"]["retry_s"] for record in caplog.records if record.message == "executor_start_failed"
    ]
    assert waits == [0.01, 0.02, 0.04]


def test_restarts_leave_no_descriptor_open(tmp_path: Path) -> None:
    program = """
import asyncio, os, sys
from services.runtime.process import executor
executor._FIRST_RETRY_S = 0.01
async def main():
    arguments = {"folder": sys.argv[1], "fails": "6"}
    factory = "tests.runtime.numpy_models:loads_at_times"
    one = executor.ProcessExecutor(factory, arguments, height=6, width=5, max_batch=1)
    await one.start()
    counts = []
    for _ in range(5):  # the first one fails six times
        counts.append(len(os.listdir("/proc/self/fd")))
        await one.restart()
    await one.stop()
    print(*counts)
asyncio.run(main())
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    counts = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.split()
    assert counts == counts[:1] * 5


async def test_a_start_that_is_cancelled_leaves_no_process(start: Start, tmp_path: Path) -> None:
    starting = asyncio.create_task(start("loads_for_ever", folder=str(tmp_path)))
    while not (files := list(tmp_path.iterdir())):
        await asyncio.sleep(0.01)
    child = os.pidfd_open(int(files[0].name))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    gone, _, _ = await asyncio.to_thread(select.select, [child], [], [], 30)
    os.close(child)
    assert gone


async def test_with_two_slots_the_next_batch_is_handed_over_while_one_runs(start: Start, tmp_path: Path) -> None:
    for name in "12":
        os.mkfifo(tmp_path / name)
    executor = await start("waits_for", slots=2, folder=str(tmp_path))
    first = asyncio.create_task(executor.run([item(1), item(11)]))
    first_pipe = await asyncio.to_thread((tmp_path / "1").open, "wb")  # the first runs
    second = asyncio.create_task(executor.run([item(2), item(22)]))
    await asyncio.sleep(0)  # the second is in its slot, and the first still there
    first_pipe.close()
    assert np.array_equal(np.stack(await first), np.stack([item(1), item(11)]))
    assert not second.done()
    (await asyncio.to_thread((tmp_path / "2").open, "wb")).close()
    assert np.array_equal(np.stack(await second), np.stack([item(2), item(22)]))


async def test_the_slot_of_a_cancelled_batch_is_not_reused_while_it_is_read(start: Start, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1")
    executor = await start("waits_for", slots=2, folder=str(tmp_path))
    left = asyncio.create_task(executor.run([item(1)]))
    pipe = await asyncio.to_thread((tmp_path / "1").open, "wb")
    left.cancel()
    (tmp_path / "3").write_bytes(b"")
    stays = asyncio.create_task(executor.run([item(3)]))
    await asyncio.sleep(0)
    pipe.close()
    assert np.array_equal((await stays)[0], item(3))


async def test_the_child_has_the_threads_that_it_was_given(start: Start) -> None:
    executor = await start("thread_counts")
    assert (await executor.run([item(0)]))[0] == 3


@pytest.mark.parametrize(
    ("model", "arguments", "reason"),
    [
        ("broken", {"text": "no such weights"}, "no such weights"),
        ("dies_on_loading", {"folder": ""}, "exit code 7"),
        ("is_not_there", {}, "is_not_there"),
    ],
)
async def test_the_error_of_a_model_that_does_not_load_has_the_cause(
    start: Start, model: str, arguments: dict[str, str], reason: str
) -> None:
    with pytest.raises(StartFailed, match=reason):
        await start(model, **arguments)


def test_the_child_dies_with_its_parent() -> None:
    program = """
import asyncio, sys
from services.runtime.process.executor import ProcessExecutor
async def main():
    executor = ProcessExecutor("tests.runtime.numpy_models:first_pixel", {}, height=6, width=5, max_batch=1)
    await executor.start()
    print(executor.pid, flush=True)
    import numpy as np
    await executor.run([np.full((6, 5, 3), 99, np.uint8)])  # hangs
asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent, os.fdopen(os.pidfd_open(int(parent.stdout.readline())), "rb") as child:
        parent.kill()
        gone, _, _ = select.select([child], [], [], 30)
    assert gone


async def test_who_has_killed_a_child_is_told(start: Start) -> None:
    executor = await start("first_pixel")
    asked = asyncio.create_task(executor.run([item(99)]))
    await asyncio.sleep(0)
    os.kill(executor.pid, signal.SIGKILL)
    with pytest.raises(ExecutorKilled):
        await asked
    await executor.restart()
    asked = asyncio.create_task(executor.run([item(99)]))
    await asyncio.sleep(0)
    executor.kill()
    with pytest.raises(ExecutorDead) as death:
        await asked
    assert not isinstance(death.value, ExecutorKilled)
