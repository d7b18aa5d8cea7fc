"""A model service as a process of its own: imports, start and stop."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from services.model_process import describe
from services.table import service_of
from stamp2vec import hub
from stamp2vec.errors import WeightsError
from stamp2vec.v1 import detector_pb2, detector_pb2_grpc
from stamp2vec.values import Task
from tests.services.random_models import save_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(save_model(tmp_path, "yolo-stamp", Task.DETECT, 448))


@contextmanager
def detector(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "services.detector", "--port", "0", "--metrics-port", "0", "--max-batch", "1"]
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, *arguments], stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def has_torch(pid: int) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


@pytest.mark.parametrize(
    "module",
    [*(f"services.{name}.__main__" for name in ("detector", "segmenter", "embedder", "gateway")), "stamp2vec.client"],
)
def test_processes_that_run_no_model_do_not_import_torch(module: str) -> None:
    program = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("bundled", [True, False])
def test_only_executors_of_models_without_a_graph_load_torch_and_a_stop_is_quiet(model: Path, bundled: bool) -> None:
    model = hub.find("yolo-stamp") if bundled else model
    with detector("--model", str(model)) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert [has_torch(process.pid), has_torch(int(child))] == [False, not bundled]
        with grpc.insecure_channel(f"127.0.0.1:{ready['port']}") as channel:
            stub = detector_pb2_grpc.DetectorServiceStub(channel)
            (info,) = stub.ListModels(detector_pb2.DetectorServiceListModelsRequest()).models
        assert info.sha256 == hub.read_manifest(model).sha256
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert {json.loads(line)["level"] for line in errors.splitlines()} == {"info"}


@pytest.mark.parametrize(
    ("file", "message"),
    [(hub.WEIGHTS, "sha256"), (hub.MANIFEST, "is not JSON")],
    ids=["damaged weights", "damaged manifest"],
)
def test_a_damaged_model_is_never_served(model: Path, file: str, message: str) -> None:
    (model / file).write_bytes(b"damaged")
    with detector("--model", str(model)) as process:
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    (line,) = (json.loads(line) for line in errors.splitlines())
    assert (line["level"], line["event"]) == ("error", "start_failed")
    assert message in line["trace"]


def test_a_service_whose_models_are_not_signed_ends_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAMP2VEC_MODEL_KEY", str(tmp_path / "public.pem"))
    with detector() as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = errors.splitlines()
    assert line.startswith("python -m services.detector: ")
    assert "manifest.sig is missing, and STAMP2VEC_MODEL_KEY asks for it" in line


def test_a_model_of_another_task_is_not_served(model: Path) -> None:
    with pytest.raises(WeightsError, match=r"yolo-stamp@0\.0\.1 is made to detect: give a model that is made to embed"):
        describe([Task.EMBED], "cpu", str(model))
    with pytest.raises(WeightsError, match="give a model that is made to embed or verify"):
        describe(service_of(Task.VERIFY).tasks, "cpu", str(model))


def test_each_model_of_a_service_is_loaded_for_its_own_task(tmp_path: Path) -> None:
    tasks = service_of(Task.EMBED).tasks
    for name, task, size, vector_size in (("tvae", Task.EMBED, 128, 128), ("stamp-pair", Task.VERIFY, 96, 0)):
        reference = save_model(tmp_path, name, task, size, vector_size)
        spec = describe(tasks, "cpu", reference)
        assert (spec.info.name, spec.info.task) == (name, task)
        assert spec.arguments["task"] == task.value
