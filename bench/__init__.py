"""Measurements: each compares variants within one run, because only their ratios outlive the machine."""
