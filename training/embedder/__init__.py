"""How the embedders are trained."""
