"""How the detectors are trained."""
