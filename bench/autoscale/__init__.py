"""Simulates the autoscaler of k8s/ under changing load: `python -m bench.autoscale --help`."""
