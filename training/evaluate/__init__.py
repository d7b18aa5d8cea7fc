"""How good the models are: figures with intervals, slices, calibration, and pictures of what went wrong."""
