"""Triton's own client drives the services unchanged; it runs in a process of its own."""

import asyncio
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from services.embedder import servicer as embedder
from services.reader import servicer as reader
from services.runtime.serving.settings import ModelServerSettings
from stamp2vec import __version__
from stamp2vec.values import Task
from tests.conftest import ROOT, require
from tests.library.certificates import certificate
from tests.oip.serving import Served, arrays, request, serving
from tests.oip.test_models import pictures
from tests.services.random_models import save_model
from tests.services.test_reader import INSTALL, strip

pytestmark = pytest.mark.asyncio(loop_scope="module")

PYTHON = ROOT / "build/oip/bin/python"
SCRIPT = Path(__file__).with_name("triton.py")


async def drive(
    served: Served, images: Mapping[str, NDArray[np.uint8]], folder: Path, *authority: str
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What it is told, and the outputs by MODEL/OUTPUT."""
    program = require(PYTHON, "make build/oip/.done")
    np.savez(folder / "in.npz", **images)  # type: ignore[arg-type]
    command = [
        str(each) for each in (program, SCRIPT, served.address, folder / "in.npz", folder / "out.npz", *authority)
    ]
    done = await asyncio.to_thread(lambda: subprocess.run(command, capture_output=True, text=True, timeout=120))
    assert done.returncode == 0, done.stderr
    with np.load(folder / "out.npz") as written:
        return json.loads(done.stdout), dict(written)


@pytest.mark.parametrize(
    ("service", "models"),
    [("detector", ("yolo-stamp",)), ("segmenter", ("stamp-unet",)), ("embedder", ("tvae", "stamp-pair"))],
)
async def test_every_model_is_described_and_answers(
    services: Mapping[str, Served], service: str, models: tuple[str, ...], tmp_path: Path
) -> None:
    images = {model: pictures(model, 5) for model in models}
    told, outputs = await drive(services[service], images, tmp_path)
    assert told["live"]
    assert told["ready"]
    assert told["server"]["version"] == __version__
    for model in models:
        expected = arrays(await services[service].stub.ModelInfer(request(model, images[model])))
        for name, values in expected.items():
            np.testing.assert_allclose(outputs[f"{model}/{name}"], values, atol=1 if values.dtype == np.uint8 else 1e-4)
        says = told["models"][model]
        assert says["ready"]
        assert [output["name"] for output in says["metadata"]["outputs"]] == list(expected)
        assert says["config"]["max_batch_size"] == 64
        assert says["config"]["dynamic_batching"]["preferred_batch_size"] == [4]
        assert [(each["name"], each["inference_count"]) for each in says["statistics"]] == [(model, "5")]
        assert says["refusal"][0] == "StatusCode.INVALID_ARGUMENT"
        assert "send [N, " in says["refusal"][1]


async def test_texts_come_as_bytes(tmp_path: Path) -> None:
    require("tesseract", INSTALL)
    settings = ModelServerSettings(model=("stamp-reader",), max_batch=4, capacity=128)
    async with serving(reader.app(settings), settings) as served:
        _, outputs = await drive(served, {"stamp-reader": strip("STAMP WORKS LIMITED")[None]}, tmp_path)
    assert outputs["stamp-reader/texts"].tolist() == [[b"STAMP WORKS LIMITED"]]
    (reading,) = json.loads(outputs["stamp-reader/readings"][0, 0])["readings"]
    assert (reading["text"], reading["script"]) == ("STAMP WORKS LIMITED", "SCRIPT_LATIN")


async def test_tls_is_that_of_the_service(tmp_path: Path) -> None:
    own = certificate(tmp_path, "own")
    model = save_model(tmp_path, "tvae", Task.EMBED, 128, vector_size=128)
    settings = ModelServerSettings(model=(model,), tls_cert=str(own.path), tls_key=str(own.key))
    async with serving(embedder.app(settings), settings) as served:
        _, outputs = await drive(served, {"tvae": pictures("tvae", 1)}, tmp_path, str(own.path))
        assert outputs["tvae/vectors"].shape == (1, 128)
        with pytest.raises(AssertionError, match="InferenceServerException"):
            await drive(served, {"tvae": pictures("tvae", 1)}, tmp_path)  # in clear text
