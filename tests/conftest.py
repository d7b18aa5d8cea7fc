"""What tests of several folders need."""

import os

import pytest

from training.synth.fonts import Script, Split, Style, families


@pytest.fixture(scope="session")
def typefaces() -> None:
    """The typefaces of the stamp world, which are Debian packages: `make system` installs what the tests need."""
    try:
        for split in Split:
            for script in Script:
                families(script, split)
            families(Script.LATIN, split, Style.SYMBOL)
    except RuntimeError:
        if os.environ.get("CI"):
            raise
        pytest.skip("typefaces of the stamp world are missing: run `make system` as root")
