"""How the weights are made. Nothing that serves imports this package."""
