"""The stamp world: die -> impression -> capture -> page, each step deterministic from a seed."""
