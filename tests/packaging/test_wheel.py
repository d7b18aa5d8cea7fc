"""What the wheel does where torch is not installed: everything over a gateway; the rest names the extra it needs."""

import json

import pytest

import stamp2vec
from stamp2vec.client import Client
from tests.e2e.live import SAMPLE, TIMEOUT_S, Running
from tests.packaging.conftest import PROJECT, Installed, lowest

CALLER = """
import asyncio, json, sys
from pathlib import Path
import numpy as np
import stamp2vec, stamp2vec.comparison, stamp2vec.detection, stamp2vec.document, stamp2vec.hub, stamp2vec.imaging
from stamp2vec.client import AsyncClient, Client
from stamp2vec.imaging import decode_pages

target, path, timeout_s = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
(page,) = decode_pages(path.read_bytes())
with Client(target, deadline_s=timeout_s) as client:
    models = client.models()
    result = client.analyze(path.read_bytes(), include_masks=True)
    x1, y1, x2, y2 = result.pages[0].stamps[0].crop_box
    crop = page.image[y1:y2, x1:x2]
    comparison = client.compare(crop, crop)

async def again():
    async with AsyncClient(target, deadline_s=timeout_s) as client:
        return await client.analyze(path.read_bytes())

assert asyncio.run(again()).similarity.shape == result.similarity.shape
print(json.dumps({
    "version": stamp2vec.__version__,
    "models": sorted(model.name for model in models),
    "boxes": [list(stamp.box) for page in result.pages for stamp in page.stamps],
    "verdict": comparison.verdict,
}))
"""


def test_the_client_talks_to_a_gateway(installed: Installed, services: Running) -> None:
    target = services.stack.address("gateway").target
    done = installed.run(CALLER, target, str(SAMPLE), str(TIMEOUT_S))
    assert not done.returncode, done.stderr
    found = json.loads(done.stdout)
    with Client(target, deadline_s=TIMEOUT_S) as client:
        result = client.analyze(SAMPLE.read_bytes())
        assert found["models"] == sorted(model.name for model in client.models())
    assert found["version"] == stamp2vec.__version__
    assert found["boxes"] == [list(stamp.box) for page in result.pages for stamp in page.stamps]


def test_the_command_works_with_a_gateway(installed: Installed, services: Running) -> None:
    done = installed.command("analyze", str(SAMPLE), "--json", "--gateway", services.stack.address("gateway").target)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["stamps"]


def test_the_command_names_the_extra_in_one_sentence_without_one(installed: Installed) -> None:
    done = installed.command("analyze", str(SAMPLE))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "pip install 'stamp2vec[local]'" in done.stderr


def test_the_command_makes_a_table_without_extras_but_no_parquet(installed: Installed, services: Running) -> None:
    gateway = ["--gateway", services.stack.address("gateway").target]
    done = installed.command("find", str(SAMPLE), "--out", "r.jsonl", "--jobs", "1", *gateway)
    assert done.returncode == 0, done.stderr
    text = (installed.folder / "r.jsonl").read_text()
    assert [json.loads(line)["stamp"] for line in text.splitlines()] == list(range(len(text.splitlines())))
    done = installed.command("find", str(SAMPLE), "--out", "r.parquet", *gateway)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install 'stamp2vec[bulk]'" in done.stderr
    done = installed.command("find", "s3://bucket/scans", *gateway)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install 'stamp2vec[bulk]'" in done.stderr
    done = installed.command("find", str(SAMPLE), "--out", "local.jsonl")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install 'stamp2vec[local]'" in done.stderr
    assert not (installed.folder / "local.jsonl.journal").exists()


def test_the_command_lists_the_models_of_the_wheel(installed: Installed) -> None:
    done = installed.command("models")
    assert not done.returncode, done.stderr
    assert "yolo-stamp" in done.stdout


def test_a_pipeline_names_the_extra(installed: Installed) -> None:
    program = "from stamp2vec.pipelines import DetectionPipeline; DetectionPipeline.from_pretrained('yolo-stamp')"
    done = installed.run(program)
    assert done.returncode
    assert done.stderr.splitlines()[-1].startswith("stamp2vec.errors.MissingExtra: yolo-stamp in this process needs")
    assert "pip install 'stamp2vec[local]'" in done.stderr


@pytest.mark.parametrize("package", ["torch", "safetensors", "services", "training"])
def test_what_the_base_install_is_without(installed: Installed, package: str) -> None:
    done = installed.run(f"import {package}")
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: No module named '{package}'"


def test_every_range_has_a_lowest_version() -> None:
    assert len(lowest(PROJECT["dependencies"])) == len(PROJECT["dependencies"])
