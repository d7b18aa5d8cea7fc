"""Find the ink stamps on a page, lift their ink, turn them into vectors, compare them."""
