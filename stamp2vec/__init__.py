"""Find the ink stamps on a page, lift their ink, turn them into vectors, compare them."""

__version__ = "0.1.0"
