"""How the autoscaler of k8s/ does on loads that change: `python -m bench.autoscale --help`."""
