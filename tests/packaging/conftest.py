"""The wheel as somebody else gets it: built from the tracked files, in a fresh environment without torch."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e.conftest import folders, services

__all__ = ["folders", "services"]  # fixtures: the four real processes

Done = subprocess.CompletedProcess[str]

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment that has the wheel, and none of this one's packages nor the repository."""

    folder: Path

    def run(self, program: str, *arguments: str) -> Done:
        """A program of Python, away from the repository."""
        return self._run("python", "-I", "-c", program, *arguments)

    def command(self, *arguments: str) -> Done:
        """`stamp2vec` with these arguments."""
        return self._run("stamp2vec", *arguments)

    def _run(self, name: str, *arguments: str) -> Done:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        return subprocess.run(
            [self.folder / "bin" / name, *arguments],
            cwd=self.folder,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tracked files, so that it lacks what only this checkout has."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in listed.split("\0"):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    subprocess.run([*_PIP, "wheel", "--no-deps", "--wheel-dir", out, source], check=True)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="session", params=["pinned", "lowest"])
def installed(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The base install, with the pinned versions and with the lowest ones that its ranges allow."""
    folder = tmp_path_factory.mktemp(request.param)
    venv.create(folder, with_pip=False)
    constraints = ROOT / "constraints.txt"
    if request.param == "lowest":
        constraints = folder / "lowest.txt"
        constraints.write_text("".join(f"{pin}\n" for pin in lowest(PROJECT["dependencies"])))
    pip = [*_PIP, "--python", str(folder / "bin/python")]
    subprocess.run([*pip, "install", "--only-binary", ":all:", "-c", constraints, wheel], check=True)
    return Installed(folder)


def lowest(requirements: Sequence[str]) -> list[str]:
    """`name==version` of the lower bound of each range."""
    bounds = [re.match(r"([\w-]+)>=([\d.]+),<", requirement) for requirement in requirements]
    return [f"{bound[1]}=={bound[2]}" for bound in bounds if bound]
