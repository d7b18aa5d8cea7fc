"""The contract breaks no user of the released one: `make lint` checks it, and these tests that it would notice."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUF = Path(sys.executable).with_name("buf")
GATEWAY = "stamp2vec/v1/gateway.proto"


@pytest.fixture
def protos(tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(ROOT / "protos", tmp_path / "protos"))


def breaking(protos: Path) -> str:
    """What breaks callers; nothing when the contract has only grown."""
    command = [str(BUF), "breaking", "--against", "released.binpb"]
    done = subprocess.run(command, cwd=protos, check=False, capture_output=True, text=True)
    assert bool(done.returncode) == bool(done.stdout), done.stderr
    return done.stdout


def change(protos: Path, pattern: str, replacement: str) -> None:
    path = protos / GATEWAY
    text, changes = re.subn(pattern, replacement, path.read_text(), count=1)
    assert changes, f"{GATEWAY} has no {pattern}"
    path.write_text(text)


def test_the_contract_has_only_grown(protos: Path) -> None:
    assert not breaking(protos)


@pytest.mark.parametrize(
    ("pattern", "replacement", "complaint"),
    [
        (r"bytes document = 1.*;", "", "was deleted"),
        (r"bytes document = 1", "string document = 1", "changed type"),
        (r"bytes document = 1", "bytes document = 99", "was deleted"),
        (r"rpc DetectStamps\(", "rpc FindStamps(", "was deleted"),
    ],
    ids=["field removed", "type changed", "field renumbered", "method renamed"],
)
def test_what_breaks_callers_is_noticed(protos: Path, pattern: str, replacement: str, complaint: str) -> None:
    change(protos, pattern, replacement)
    assert complaint in breaking(protos)
