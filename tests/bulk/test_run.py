"""Whole runs over real files, with real worker processes and a real server behind them."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import grpc
import polars
import pytest

from stamp2vec.cli import main
from stamp2vec.pipelines import DocumentPipeline
from tests.library.conftest import page_image
from tests.library.standin import StandIn
from tests.library.test_document import tiff

Capture = pytest.CaptureFixture[str]

NAMES = sorted(f"in/{'deep/' if number % 2 else ''}{number}.png" for number in range(6))


def command(gateway: StandIn, *options: str, out: str = "out/r.jsonl") -> list[str]:
    return ["find", "in", "--recursive", "--out", out, "--gateway", gateway.address, *options]


def table(path: str = "out/r.jsonl") -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def files(rows: list[dict[str, object]]) -> list[object]:
    return list(dict.fromkeys(row["file"] for row in rows))


def sent(gateway: StandIn) -> Counter[str]:
    """How often each page was asked for, by its pixels' bytes."""
    return Counter(request.document.document for request in gateway.requests if hasattr(request, "document"))


def test_one_table_of_all(scans: Path, gateway: StandIn, capsys: Capture) -> None:
    (scans / "in/note.txt").write_text("")
    assert main(command(gateway, "--jobs", "2")) == 0
    rows = table()
    assert files(rows) == NAMES
    keys = [(row["file"], row["page"], -1 if row["stamp"] is None else row["stamp"]) for row in rows]
    assert keys == sorted(keys)
    found = DocumentPipeline.from_preset()((scans / NAMES[0]).read_bytes(), include_vectors=False).pages[0].stamps
    mine = [row for row in rows if row["file"] == NAMES[0]]
    assert [row["score"] for row in mine] == [pytest.approx(stamp.score, abs=1e-4) for stamp in found] or [None]
    captured = capsys.readouterr()
    assert captured.out == ""
    note, left_out = captured.err.splitlines()
    assert note.startswith("stamp2vec: wrote out/r.jsonl: 6 files, 6 pages, ")
    assert " 0 errors; " in note
    assert "1 file left out" in left_out
    assert os.listdir("out") == ["r.jsonl"]


def test_the_order_of_workers_does_not_show(scans: Path, gateway: StandIn) -> None:
    for jobs in ("1", "4"):
        assert main(command(gateway, "--jobs", jobs, out=f"{jobs}.jsonl")) == 0
    assert Path("1.jsonl").read_bytes() == Path("4.jsonl").read_bytes()


def test_vectors_and_metadata(scans: Path, gateway: StandIn) -> None:
    typed = command(gateway, "--vectors", "--min-score", "0.6", out="r.parquet")
    assert main(["analyze", *typed[1:]]) == 0
    frame = polars.read_parquet("r.parquet")
    assert frame.schema["vector"] == polars.Array(polars.Float32, 16)
    stamps = frame.filter(polars.col("stamp").is_not_null())
    assert len(stamps) > 0
    assert stamps["vector"].null_count() == 0
    metadata = polars.read_parquet_metadata("r.parquet")
    assert json.loads(metadata["stamp2vec.models"]) == ["yolo-stamp@0.0.1", "tvae@0.0.1"]
    assert json.loads(metadata["stamp2vec.options"])["min_score"] == 0.6
    assert "password" not in metadata["stamp2vec.options"]


def test_failures_are_rows(scans: Path, gateway: StandIn, capsys: Capture) -> None:
    (scans / "in/broken.pdf").write_text("nonsense")
    (scans / "in/three.tif").write_bytes(tiff([page_image(0), page_image(1, 5, 5), page_image(2)]))
    (scans / "in/gone.png").symlink_to("nowhere")
    typed = command(gateway)
    assert main([*typed[:2], "in/vanished.png", *typed[2:]]) == 1
    errors = {row["file"]: row for row in table() if row["status"] == "error"}
    assert errors.keys() == {"in/broken.pdf", "in/gone.png", "in/three.tif", "in/vanished.png"}
    assert errors["in/broken.pdf"]["page"] is None
    assert errors["in/three.tif"]["page"] == 1
    assert errors["in/vanished.png"]["error"] == "cannot be read (No such file or directory): name a file that can"
    assert [row["page"] for row in table() if row["file"] == "in/three.tif"][::-1][0] == 2
    assert "10 files, 9 pages" in capsys.readouterr().err


def test_an_output_is_never_overwritten_nor_made_twice(scans: Path, gateway: StandIn, capsys: Capture) -> None:
    assert main(command(gateway)) == 0
    before, asked = Path("out/r.jsonl").read_bytes(), len(gateway.requests)
    assert main(command(gateway)) == 2
    assert "out/r.jsonl exists: remove it, or choose another --out" in capsys.readouterr().err
    assert main(command(gateway, "--resume")) == 0
    assert "out/r.jsonl is complete already" in capsys.readouterr().err
    assert (Path("out/r.jsonl").read_bytes(), len(gateway.requests)) == (before, asked)


@pytest.mark.parametrize(
    ("out", "message"), [("r.csv", "is no .parquet and no .jsonl file"), ("in/0.png/r.jsonl", "cannot be written")]
)
def test_an_output_that_cannot_be(scans: Path, gateway: StandIn, out: str, message: str, capsys: Capture) -> None:
    assert main(command(gateway, out=out)) == 2
    assert message in capsys.readouterr().err


def started(gateway: StandIn, *options: str) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    typed = [sys.executable, "-m", "stamp2vec.cli", *command(gateway, *options)]
    return subprocess.Popen(typed, stderr=subprocess.PIPE, text=True)


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_a_run_that_is_ended_loses_and_repeats_nothing(scans: Path, gateway: StandIn, number: signal.Signals) -> None:
    assert main(command(gateway, out="whole.jsonl")) == 0
    gateway.requests.clear()
    process = started(gateway, "--jobs", "1")
    until(lambda: sum(sent(gateway).values()) >= 3)
    gateway.open.clear()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "of 6 files done: --resume goes on" in errors
    gateway.open.set()
    assert not Path("out/r.jsonl").exists()
    assert main(command(gateway)) == 2
    assert main(command(gateway, "--resume")) == 0
    assert Path("out/r.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()
    # Only what was in work at the end is read again, by one worker.
    assert sum(times - 1 for times in sent(gateway).values()) <= 1
    assert os.listdir("out") == ["r.jsonl"]


def test_other_models_or_options_are_refused(scans: Path, gateway: StandIn, capsys: Capture) -> None:
    process = started(gateway, "--jobs", "1")
    until(lambda: sum(sent(gateway).values()) >= 1)
    process.kill()
    process.communicate()
    assert main(command(gateway, "--resume", "--min-score", "0.9")) == 2
    assert "is of a run with other settings (options was" in capsys.readouterr().err
    assert main(command(gateway, "--resume")) == 0


def workers() -> list[int]:
    """The processes of workers that this one has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and "stamp2vec.cli.bulk.worker" in (folder / "cmdline").read_text():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def test_a_worker_that_crashes_costs_its_file(scans: Path, gateway: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = (scans / NAMES[2]).read_bytes()

    def crash(request: object, context: object, wait: Callable[..., None] = gateway._wait) -> None:
        if getattr(request, "id", "") and request.document.document == victim:  # type: ignore[attr-defined]
            os.kill(workers()[0], signal.SIGKILL)
        wait(request, context)

    monkeypatch.setattr(gateway, "_wait", crash)
    assert main(command(gateway, "--jobs", "1")) == 1
    failed = [row for row in table() if row["status"] == "error"]
    assert [row["file"] for row in failed] == [NAMES[2]]
    assert "made the process crash that read it" in str(failed[0]["error"])
    assert files(table()) == NAMES
    assert workers() == []


def test_a_worker_that_hangs_costs_its_file(scans: Path, gateway: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    victim, hanging = (scans / NAMES[2]).read_bytes(), threading.Event()

    def hang(request: object, context: object, wait: Callable[..., None] = gateway._wait) -> None:
        if getattr(request, "id", "") and request.document.document == victim:  # type: ignore[attr-defined]
            hanging.wait(60)
        wait(request, context)

    monkeypatch.setattr(gateway, "_wait", hang)
    assert main(command(gateway, "--jobs", "1", "--timeout", "3")) == 1
    hanging.set()
    (failed,) = (row for row in table() if row["status"] == "error")
    assert failed["file"] == NAMES[2]
    assert failed["error"] == "the file takes more than 3 s: raise --timeout, or save it in a simpler form"


def test_a_gateway_that_is_away_for_a_moment_costs_nothing(scans: Path, gateway: StandIn) -> None:
    away = (grpc.StatusCode.UNAVAILABLE, None)
    gateway.failures = [None, None, None, *[away] * 8]  # the models are asked for twice
    assert main(command(gateway, "--jobs", "1")) == 0
    assert files(table()) == NAMES


def test_a_gateway_that_refuses_ends_the_run(scans: Path, gateway: StandIn, capsys: Capture) -> None:
    gateway.failures = [None, None, None, (grpc.StatusCode.PERMISSION_DENIED, None)]
    assert main(command(gateway, "--jobs", "1")) == 2
    assert "a failure of the stand-in" in capsys.readouterr().err
    assert main(command(gateway, "--resume")) == 0
    assert files(table()) == NAMES


@pytest.mark.parametrize("options", [[], ["--vectors"]])
def test_the_pipelines_of_this_machine_do_it_too(
    scans: Path, options: Sequence[str], capsys: Capture, tmp_path: Path
) -> None:
    """With the bundled models, which alone the workers find."""
    assert main(["analyze", "in", "--recursive", "--out", "r.jsonl", "--jobs", "2", *options]) == 0
    assert files(table("r.jsonl")) == NAMES
    assert main(["analyze", "in", "--recursive", "--json", *options]) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = [(row["file"], stamp["box"]) for row in printed for stamp in row["stamps"]]
    rows = [row for row in table("r.jsonl") if row["stamp"] is not None]
    assert sorted((row["file"], [row["x1"], row["y1"], row["x2"], row["y2"]]) for row in rows) == sorted(expected)
