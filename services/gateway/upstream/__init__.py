"""The services behind the gateway: channels, the models they serve, calls."""
