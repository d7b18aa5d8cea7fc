"""The reader's network: what it learns from, its training, and what the scores of all engines mean."""
