"""A document on its way through the services."""
