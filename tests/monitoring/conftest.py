"""Prometheus, which is a Debian package: `make system` installs what the tests need."""

import pytest

from tests.conftest import require


@pytest.fixture(scope="session")
def promtool() -> str:
    """The program that checks rules."""
    return str(require("promtool", "sudo make system"))


@pytest.fixture(scope="session")
def prometheus() -> str:
    """The server."""
    return str(require("prometheus", "sudo make system"))
