"""Synthetic stamps: die -> impression -> page -> capture, each step deterministic from a seed."""
