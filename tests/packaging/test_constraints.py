"""constraints.txt pins all that any extra installs, and nothing else; but for `app`: Gradio refuses its Pillow."""

import json
import re
import subprocess
import sys

from tests.conftest import ROOT
from tests.packaging.conftest import PROJECT


def test_constraints_pin_what_the_extras_install() -> None:
    extras = ",".join(set(PROJECT["optional-dependencies"]) - {"app"})
    command = [sys.executable, "-m", "pip", "--quiet", "install", "--dry-run", "--ignore-installed", "--report", "-"]
    constraints = ROOT / "constraints.txt"
    done = subprocess.run(
        [*command, "-c", constraints, f"{ROOT}[{extras}]"], check=True, capture_output=True, text=True
    )
    found = {
        normal(package["metadata"]["name"]): package["metadata"]["version"].partition("+")[0]
        for package in json.loads(done.stdout)["install"]
    }
    del found["stamp2vec"]
    pins = dict(line.split("==") for line in constraints.read_text().splitlines())
    assert {normal(name): version for name, version in pins.items()} == found


def normal(name: str) -> str:
    """As in the simple repository API: https://packaging.python.org/en/latest/specifications/name-normalization/."""
    return re.sub(r"[-_.]+", "-", name).lower()
