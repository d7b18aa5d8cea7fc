"""All tests of the stamp world draw letters."""

import pytest


@pytest.fixture(autouse=True)
def _letters(typefaces: None) -> None:
    """Skips, and says why, where there are no typefaces."""
