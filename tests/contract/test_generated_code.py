"""The generated code is what the protos say, and loads on every protobuf runtime that we promise."""

import filecmp
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GENERATED = ("stamp2vec/v1", "services/runtime/oip/v2")
ROUND_TRIP = """
import google.protobuf
from stamp2vec.v1 import common_pb2, detector_pb2, embedder_pb2, gateway_pb2, segmenter_pb2
sent = gateway_pb2.AnalyzeDocumentRequest(document=b"x", min_score=0.0)
got = gateway_pb2.AnalyzeDocumentRequest.FromString(sent.SerializeToString())
assert got == sent and got.HasField("min_score")
from services.runtime.oip.v2 import open_inference_pb2 as oip
assert oip.ModelInferRequest.FromString(oip.ModelInferRequest(id="1").SerializeToString()).id == "1"
print(google.protobuf.__version__)
"""


def test_generated_code_is_up_to_date(tmp_path: Path) -> None:
    subprocess.run(["make", "protos", f"PROTOS_OUT={tmp_path}"], cwd=ROOT, check=True, capture_output=True)
    for folder in GENERATED:
        fresh, committed = tmp_path / folder, ROOT / folder
        names = sorted(p.name for p in fresh.iterdir())
        assert names == sorted(p.name for p in committed.iterdir() if p.is_file())
        assert filecmp.cmpfiles(fresh, committed, names, shallow=False) == (names, [], [])
    assert (tmp_path / "docs/api.md").read_text() == (ROOT / "docs/api.md").read_text()


@pytest.mark.parametrize("major", [6, 7])
def test_generated_code_loads_on_protobuf(major: int) -> None:
    runtime = ROOT / "build" / f"protobuf-{major}"
    subprocess.run(["make", f"build/protobuf-{major}"], cwd=ROOT, check=True, capture_output=True)
    path = [str(runtime), str(ROOT)]
    program = f"import sys; sys.path[:0] = {path}\n{ROUND_TRIP}"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert loaded.stdout.startswith(f"{major}.")
