"""All four services together, as processes of this machine: to try them, and to test them."""
