"""Other model servers beside ours, with the same network and the same load: `python -m bench.peers`."""
