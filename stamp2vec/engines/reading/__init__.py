"""Engines that read strips: which of them reads a piece is decided by its script, before it is read."""
