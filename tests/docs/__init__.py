"""Pages of docs/ that are programs."""
