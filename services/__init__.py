"""The deployable processes, one folder each. No service imports another."""
