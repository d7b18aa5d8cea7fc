"""How much the gateway takes on at once: calls, decoded pixels, threads."""
