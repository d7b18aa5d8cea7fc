"""Executors as child processes: shared memory in, frames out."""
