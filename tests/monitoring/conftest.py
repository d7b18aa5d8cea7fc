"""Prometheus, which is a Debian package: `make system` installs what the tests need."""

import os
import shutil

import pytest


@pytest.fixture(scope="session")
def promtool() -> str:
    """The program that checks rules."""
    return _program("promtool")


@pytest.fixture(scope="session")
def prometheus() -> str:
    """The server."""
    return _program("prometheus")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        assert not os.environ.get("CI"), f"{name} is missing: run `make system` as root"
        pytest.skip(f"{name} is missing: run `make system` as root")
    return found
