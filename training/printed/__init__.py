"""The network that tells print from the ink of stamps in black or grey."""
