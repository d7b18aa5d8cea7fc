"""`make web` opens the page where there is a display, and else says where it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

ADDRESS = "http://127.0.0.1:8050/"
CODE = f"from services.stack.browser import open_page; open_page({ADDRESS!r})"


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "opened"


def run(marker: Path, **environment: str) -> str:
    """With a browser that leaves the address in a file; what is said on stderr."""
    script = marker.with_name("browser")
    script.write_text(f'#!/bin/sh\necho "$1" > {marker}\n')
    script.chmod(0o755)
    inherited = {name: text for name, text in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    given = inherited | {"BROWSER": str(script), "PYTHONPATH": str(ROOT)} | environment
    return subprocess.run([sys.executable, "-c", CODE], env=given, capture_output=True, text=True, check=True).stderr


def test_with_a_display(marker: Path) -> None:
    assert run(marker, DISPLAY=":0") == ""
    assert marker.read_text().strip() == ADDRESS


def test_without_one(marker: Path) -> None:
    assert run(marker) == f"no browser can be opened here: open {ADDRESS}\n"
    assert not marker.exists()
