"""This tree against another checkout of it, in one run."""
