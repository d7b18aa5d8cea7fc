"""All services together, as processes of this machine: for trials and for tests."""
