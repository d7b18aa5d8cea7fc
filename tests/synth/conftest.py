"""All tests of the synthetic data draw letters."""

import pytest


@pytest.fixture(autouse=True)
def _letters(typefaces: None) -> None:
    """Skips with a reason where there are no typefaces."""
